// What the format of OSTD cannot express, and words that are not of it.

import MMU
import Testing

@testable import GuestMem

@Suite("What the format of OSTD lacks is an error, and what it is not is not read")
struct OSTDErrorTests {
  typealias OSTDWorld = World<WideOSTDPaging>

  static let plain = PageProperties(rights: [.read, .write])

  /// A property that cannot be expressed, with the error that says so.
  static let inexpressible: [(PageProperties, PageTableError)] =
    [
      (
        PageProperties(rights: .read, memoryType: .writeProtected),
        .memoryTypeUnsupported(.writeProtected)
      ),
      (
        PageProperties(rights: .read, memoryType: .uncachedMinus),
        .memoryTypeUnsupported(.uncachedMinus)
      ),
      (PageProperties(rights: .read, protectionKey: 16), .protectionKeyTooLarge(16)),
      (PageProperties(rights: .read, softwareBits: 0x400), .softwareBitsTooWide(0x400)),
    ]
    + (1..<16).map {
      (PageProperties(rights: .read, protectionKey: $0), .protectionKeyUnsupported($0))
    }
    + [0, 1, 2, 5, 6, 7, 8, 9].map {
      (PageProperties(rights: .read, softwareBits: 1 << $0), .softwareBitsUnsupported(1 << $0))
    }

  /// Two pages, a large one and a small one.
  func world() throws -> OSTDWorld {
    var world = try OSTDWorld(levels: .pageMapLevel4, frameCount: 64)
    #expect(world.step(.map(0, 1, to: 8, Self.plain, .largest), before: world.image) == nil)
    #expect(world.step(.map(512, 512, to: 512, Self.plain, .largest), before: world.image) == nil)
    return world
  }

  @Test("Each operation refuses each property that the format lacks, and changes nothing")
  func everyOperation() throws {
    var world = try world()
    let state = RawState(world)
    for (properties, error) in Self.inexpressible {
      let change = PropertyChange(
        memoryType: properties.memoryType, protectionKey: properties.protectionKey,
        softwareBits: properties.softwareBits)
      for operation in [
        .map(1, 1, to: 1, properties, .largest), .map(1024, 512, to: 512, properties, .largest),
        .map(1, 3, to: 1, properties, .largest), .protect(0, 1, change),
        .protect(512, 1, change), .cursorProtect(0, 1, change), .protectNext(512, 1, properties),
        .cursorMap(1, .pageTable, to: 1, properties), .remap(0, .pageTable, to: 1, properties),
        .cursorMapRange(1, 3, to: 1, properties, .largest),
        .replace(0, .pageTable, with: 1, properties),
        .entryProtect(512, .pageDirectory, properties),
      ] as [Operation] {
        #expect(world.perform(operation) == .failed(error.id), "\(operation)")
        #expect(RawState(world).differsOnlyInReclaimed(state), "\(operation)")
      }
      #expect(error.message.first?.isLowercase == true && error.hint.first?.isLowercase == true)
    }
    #expect(throws: PageTableError.memoryTypeUnsupported(.writeProtected)) {
      _ = try world.table.prepare(Self.inexpressible[0].0)
    }
    #expect(world.violations == [])
  }

  @Test("Words that are not of the format map nothing, stand in the way, and are reported")
  func foreignWords() throws {
    // Level, and a word of the native format that means something else or nothing here.
    let words: [(UInt64, UInt64, Comment)] = [
      (1, 0x8003, "a small leaf without the mark"),
      (1, 0x8002, "a native leaf without rights"),
      (1, 0x8000_0000_0000_8001, "a small leaf without the mark that may not be executed"),
      (2, 0x20_1083, "a large leaf with the PAT bit"),
      (2, 0x20_1082, "the same without P"),
      (2, 0x20_0006, "a table without P"),
      (3, 0x4000_1083, "a leaf of 1 GiB with the PAT bit"),
      (4, 0x80, "a leaf in the root"),
    ]
    for (level, word, comment) in words {
      var world = try world()
      // The entry beside those that are there.
      let page: UInt64 =
        switch level {
        case 1: 1
        case 2: 1024
        case 3: 1 << 18
        default: 1 << 27
        }
      let known = world.place(level == 1 ? 0 : level == 2 ? 512 : 0, level)
      let address = GuestPhysicalAddress(truncating: known.address.rawValue + 8)
      world.memory.view.storeWord(word, at: address)
      let state = RawState(world)
      #expect(world.table.translate(world.address(page)) == nil, comment)
      let rules = Set(world.violations.map { $0.rule })
      #expect(rules.contains(.nothingElse), comment)
      let count = world.model.span(level) >> 12
      for operation in [
        .map(page, 1, to: 8, Self.plain, .exactly(.size4KiB)),
        .cursorMap(page, .pageTable, to: 8, Self.plain),
      ] as [Operation] {
        guard case .failed = world.perform(operation) else {
          Issue.record("\(operation) went over \(comment)")
          continue
        }
        #expect(RawState(world).differsOnlyInReclaimed(state), comment)
      }
      #expect(
        world.perform(.protect(page, count, PropertyChange(rights: []))) == .byteCount(0), comment)
      world.table.liveness = .offline
      #expect(
        world.perform(.protect(page, count, PropertyChange(rights: []))) == .byteCount(0), comment)
      world.table.liveness = .live
      #expect(RawState(world).differsOnlyInReclaimed(state), comment)
      #expect(world.perform(.find(page, count)) == .found(nil), comment)
    }
  }

  @Test("A link that is no user entry, and a leaf with bits the format lacks, break the codec rule")
  func codecRule() throws {
    for (page, level, change) in [
      (0, 3, { $0 & ~4 }), (0, 2, { $0 & ~2 }), (0, 4, { $0 | 1 << 52 }),
      (0, 1, { $0 | 1 << 9 }), (0, 1, { $0 | 1 << 54 }), (512, 2, { $0 | 1 << 59 }),
      (512, 2, { $0 | 1 << 13 }),
    ] as [(UInt64, UInt64, (UInt64) -> UInt64)] {
      let world = try world()
      world.patch(page, level, change)
      let rules = world.violations.map { $0.rule }
      #expect(rules.contains(.codec), "\(page) \(level): \(rules)")
    }
  }
}
