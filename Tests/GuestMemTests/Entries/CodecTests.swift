// The codec: properties and entries say the same, at every level.

import MMU
import TestSupport
import Testing

@testable import GuestMem

@Suite("Entries say what properties say, and nothing else")
struct CodecTests {
  @Test("Every combination of properties comes back, and only leaves are leaves")
  func everyCombination() throws {
    let software: [UInt16] = [0, 0x3ff] + (0..<10).map { 1 << $0 }
    var count = 0
    for rights in [0, 1, 3, 5, 7] as [UInt8] {
      for type in MemoryType.allCases {
        for flags in 0..<16 {
          for key in 0..<16 as Range<UInt8> {
            for bits in software {
              let properties = PageProperties(
                rights: PageRights(rawValue: rights), isUser: flags & 1 != 0,
                isGlobal: flags & 2 != 0, isAccessed: flags & 4 != 0, isDirty: flags & 8 != 0,
                memoryType: type, protectionKey: key, softwareBits: bits)
              let leaf = LeafBits(properties, in: .native)
              guard PageProperties(leafEntry: leaf.small, level: .pageTable) == properties,
                PageProperties(leafEntry: leaf.large, level: .pageDirectory) == properties,
                EntryClass(leaf.small, level: 1, in: .native) == .leaf,
                EntryClass(leaf.large, level: 2, in: .native) == .leaf,
                EntryClass(leaf.large, level: 3, in: .native) == .leaf,
                EntryClass(leaf.large, level: 4, in: .native) == .invalid,
                leaf.small & EntryBits.address == 0,
                EntryBits.pieceBits(leaf.large, pieceLevel: 1, shift: 21, in: .native)
                  == leaf.small,
                EntryBits.wholeBits(leaf.small, pieceLevel: 1, shift: 12, in: .native)
                  == leaf.large,
                EntryBits.pieceBits(leaf.large, pieceLevel: 2, shift: 30, in: .native) == leaf.large
              else {
                Issue.record("\(properties) is \(leaf)")
                return
              }
              count += 1
            }
          }
        }
      }
    }
    #expect(count == 5 * 6 * 16 * 16 * 12)
  }

  @Test("Random words decode to what encodes to them, besides bits that hardware ignores")
  func randomWords() throws {
    var generator = SeededGenerator(seed: 7)
    var leafCount = 0
    for _ in 0..<200_000 {
      let word = generator.next()
      for level in 1...3 as ClosedRange<UInt64> {
        guard case .leaf = EntryClass(word, level: level, in: .native) else { continue }
        let shift = NativePaging.shift(level)
        let properties = PageProperties(leafEntry: word, level: levelNumbered(level))
        let address = EntryBits.leafAddress(word, shift: shift)
        let again = LeafBits(properties, in: .native).bits(level) | address
        let pat = level == 1 ? EntryBits.smallPAT : EntryBits.largePAT
        // Two PAT indices mean the same type; reserved address bits are no address; without P
        // only the mark, not the rights, is read.
        var ignored = EntryBits.cache | pat | (~(~0 &<< shift) & EntryBits.address)
        if word & EntryBits.present == 0 { ignored |= EntryBits.noExecute }
        #expect((word ^ again) & ~ignored == 0)
        let decoded = PageProperties(leafEntry: again, level: levelNumbered(level))
        #expect(decoded == properties)
        leafCount += 1
      }
      #expect(EntryClass(0, level: word & 3 &+ 1, in: .native) == .absent)
    }
    #expect(leafCount == 299_673, "of seed 7")
  }

  @Test("Index, span and address of every level", arguments: [Level.pageMapLevel4, .pageMapLevel5])
  func geometry(levels: Level) throws {
    let machine = try TestMachine(levels: levels)
    let tables = machine.table.tableMemory
    for level in 1...UInt64(levels.rawValue) {
      #expect(NativePaging.span(level) == 4096 << (9 * (level - 1)))
      for index in [0, 1, 255, 256, 511] as [UInt64] {
        #expect(NativePaging.index(index << NativePaging.shift(level), level) == Int(index))
      }
    }
    let half: UInt64 = 1 << (tables.addressWidth - 1)
    for position in [0, half - 1, half, half * 2 - 1] {
      let address = tables.address(position)
      #expect(address == (position < half ? position : position | ~(half * 2 - 1)))
      #expect(try tables.position(linear(address)) == position)
    }
  }

  @Test("Prepared properties are those of user pages where the properties are")
  func preparedUser() throws {
    let machine = try TestMachine()
    for isUser in [false, true] {
      for rights in [[.read], [.read, .write, .execute]] as [PageRights] {
        let prepared = try machine.table.prepare(PageProperties(rights: rights, isUser: isUser))
        #expect(prepared.isUser == isUser)
      }
    }
  }
}
