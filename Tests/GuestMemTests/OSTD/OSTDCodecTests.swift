// The codec of the OSTD format, held against bit patterns that are put together here from its table.

import MMU
import TestSupport
import Testing

@testable import GuestMem

@Suite("Entries in the format of OSTD are its table of bits")
struct OSTDCodecTests {
  static let types: [(type: MemoryType, bits: UInt64)] = [
    (.writeBack, 0), (.writeThrough, 0x08), (.writeCombining, 0x10), (.uncacheable, 0x18),
  ]

  @Test("Every leaf is written as the table says, read as it was meant, and written the same again")
  func everyLeaf() {
    var count = 0
    for rights in 0..<8 as Range<UInt8> {
      for flags in 0..<64 as Range<UInt64> {
        for (type, cache) in Self.types {
          // P is the right to read; XD is the lack of the right to execute; bit 7 is always set.
          var pattern: UInt64 = 0x80 | cache
          if rights & 1 != 0 { pattern |= 1 << 0 }
          if rights & 2 != 0 { pattern |= 1 << 1 }
          if rights & 4 == 0 { pattern |= 1 << 63 }
          if flags & 1 != 0 { pattern |= 1 << 2 }
          if flags & 2 != 0 { pattern |= 1 << 8 }
          if flags & 4 != 0 { pattern |= 1 << 5 }
          if flags & 8 != 0 { pattern |= 1 << 6 }
          if flags & 16 != 0 { pattern |= 1 << 52 }
          if flags & 32 != 0 { pattern |= 1 << 53 }
          let properties = PageProperties(
            rights: PageRights(rawValue: rights), isUser: flags & 1 != 0,
            isGlobal: flags & 2 != 0, isAccessed: flags & 4 != 0, isDirty: flags & 8 != 0,
            memoryType: type, softwareBits: UInt16(flags >> 4) << 3)
          for level in 1...3 as ClosedRange<UInt64> {
            let word = LeafBits(properties, in: .ostd).bits(level)
            let read = PageProperties(leafEntry: word, level: levelNumbered(level), in: .ostd)
            let again = LeafBits(read, in: .ostd).bits(level)
            guard word == pattern, read == properties, again == pattern,
              EntryClass(word, level: level, in: .ostd) == .leaf
            else {
              Issue.record("\(properties) at level \(level) is \(String(word, radix: 16))")
              return
            }
            count += 1
          }
        }
      }
    }
    print("OSTD codec: \(count) leaves")
    #expect(count == 8 * 64 * 4 * 3)
  }

  @Test("A word is read as the one thing it is in this format, or as nothing")
  func everyKind() {
    var count = 0
    // P, bit 7 and bit 12 decide; any one or two of the other bits change nothing.
    let others = (0..<64 as Range<UInt64>).filter { ![0, 7, 12].contains($0) }
    for level in 1...5 as ClosedRange<UInt64> {
      for deciding in 0..<8 as Range<UInt64> {
        let isPresent = deciding & 1 != 0
        let hasMark = deciding & 2 != 0
        let hasPAT = deciding & 4 != 0
        let base = (isPresent ? 1 : 0) | (hasMark ? 0x80 : 0) | (hasPAT ? 0x1000 : 0) as UInt64
        for first in others {
          for second in others {
            let word = base | 1 << first | 1 << second
            let expected: EntryClass =
              switch level {
              case 1: hasMark ? .leaf : .invalid
              case 2, 3:
                hasMark ? (hasPAT ? .invalid : .leaf) : (isPresent ? .table : .invalid)
              default: hasMark ? .invalid : (isPresent ? .table : .invalid)
              }
            guard EntryClass(word, level: level, in: .ostd) == expected else {
              Issue.record("\(String(word, radix: 16)) at level \(level) is not \(expected)")
              return
            }
            count += 1
          }
        }
      }
      #expect(EntryClass(0, level: level, in: .ostd) == .absent)
    }
    print("OSTD kinds: \(count) words")
    #expect(count == 5 * 8 * 61 * 61)
  }

  @Test("A random leaf loses nothing when it is read and written again")
  func randomLeaves() {
    var generator = SeededGenerator(seed: 11)
    var count = 0
    while count < 100_000 {
      // What the format does not have: bits 11:9, 58:54 and 62:59.
      let word = generator.next() & ~(7 << 9 | 0x1ff << 54)
      for level in 1...3 as ClosedRange<UInt64> {
        guard case .leaf = EntryClass(word, level: level, in: .ostd) else { continue }
        let shift = NativePaging.shift(level)
        let reserved = EntryBits.address & ~(~0 << shift)
        let properties = PageProperties(leafEntry: word, level: levelNumbered(level), in: .ostd)
        let again =
          LeafBits(properties, in: .ostd).bits(level)
          | EntryBits.leafAddress(word, shift: shift)
        #expect(again == word & ~reserved)
        count += 1
      }
    }
  }

  @Test("IA32_PAT has the types of the format at the indices of large and of small leaves")
  func pageAttributeTable() {
    #expect(OSTDUserPaging.pageAttributeTable == PageAttributeTable.ostd)
    #expect(OSTDKernelPaging.pageAttributeTable == PageAttributeTable.ostd)
    #expect(NativePaging.pageAttributeTable == PageAttributeTable.standard)
    for (index, entry) in Self.types.enumerated() {
      for pat in [0, 4] as [UInt64] {
        let type = PageAttributeTable.ostd >> (8 * (pat + UInt64(index))) & 0xff
        #expect(type == UInt64(entry.type.rawValue))
      }
    }
  }
}
