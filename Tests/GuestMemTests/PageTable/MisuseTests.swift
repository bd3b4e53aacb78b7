// Misuse: arguments that make no sense, near every border, by the thousand.

import MMU
import TestSupport
import Testing

@testable import GuestMem

@Suite("Nothing that a caller can pass stops the program")
struct MisuseTests {
  /// Numbers near the borders of halves, formats and words.
  static func number(_ generator: inout SeededGenerator) -> UInt64 {
    let borders: [UInt64] = [
      0, 4096, 1 << 21, 1 << 30, 1 << 39, 1 << 46, 1 << 47, 1 << 48, 1 << 51, 1 << 52, 1 << 56,
      1 << 57, 1 << 63, 0 &- (1 << 47), 0 &- (1 << 39), 0 &- 4096,
    ]
    let border = borders[generator.index(below: borders.count)]
    switch generator.index(below: 5) {
    case 0: return border
    case 1: return border &+ 1
    case 2: return border &- 1
    case 3: return border &+ 4096 &* UInt64(generator.index(below: 600))
    default: return border &- 4096 &* UInt64(generator.index(below: 600))
    }
  }

  @Test("Random calls keep every contract", arguments: [Level.pageMapLevel4, .pageMapLevel5])
  func randomCalls(levels: Level) throws {
    var machine = try TestMachine(levels: levels, byteCount: 4 << 20)
    var generator = SeededGenerator(seed: 11)
    var successes = 0
    for round in 0..<6000 {
      let address = LinearAddress(
        truncating: Self.number(&generator), width: .bits57)
      let byteCount = Self.number(&generator)
      let target = GuestPhysicalAddress(truncating: Self.number(&generator))
      let properties = PageProperties(
        rights: PageRights(rawValue: UInt8(generator.index(below: 256))), isUser: round % 2 == 0,
        memoryType: MemoryType.allCases[generator.index(below: 6)],
        protectionKey: UInt8(generator.index(below: 20)),
        softwareBits: UInt16(generator.index(below: 0x800)))
      do {
        switch generator.index(below: 9) {
        case 0:
          try machine.table.map(
            address, byteCount: byteCount, to: target,
            properties: round % 3 == 0 ? properties : PageProperties(rights: .read),
            pageSizes: round % 5 == 0 ? .exactly(.size2MiB) : .largest,
            allocator: &machine.allocator)
        case 1:
          try machine.table.unmap(
            address, byteCount: byteCount, allocator: &machine.allocator)
        case 2:
          try machine.table.protect(
            address, byteCount: byteCount, properties: properties, allocator: &machine.allocator)
        case 3:
          _ = machine.table.translate(address)
          _ = try machine.table.readBytes(
            at: address, count: Int(truncatingIfNeeded: byteCount >> 12))
        case 4:
          for _ in try machine.table.largestPages(
            address, byteCount: byteCount, to: target
          ).prefix(10) {}
        case 5:
          // Not a byte: a page may lead to the tables themselves.
          try machine.table.writeBytes([], at: address)
        case 6:
          try machine.table.withEntry(
            for: address, downTo: levels, allocator: &machine.allocator
          ) { (entry, allocator) throws(EntryError) in
            var child = Child<NativePaging>.page(
              PageItem(untracked: target, level: entry.level, properties: properties))
            try entry.replace(with: &child)
          }
        default:
          try machine.table.withCursor(
            address, byteCount: byteCount, allocator: &machine.allocator
          ) { (cursor, allocator) throws(PageTableError) in
            let length = round % 2 == 0 ? cursor.remainingByteCount : byteCount &+ 4096
            switch round % 4 {
            case 0: _ = try cursor.takeNext(byteCount: length, allocator: &allocator)
            case 1: _ = try cursor.findNext(byteCount: length, allocator: &allocator)
            case 2: try cursor.jump(to: address, allocator: &allocator)
            default:
              _ = try cursor.protectNext(byteCount: length, allocator: &allocator) {
                (_) throws(PageTableError) in properties
              }
            }
          }
        }
        successes += 1
      } catch {}
      if round % 200 == 0 {
        #expect(machine.table.contractViolations(allocator: machine.allocator) == [])
      }
    }
    #expect(machine.table.contractViolations(allocator: machine.allocator) == [])
    #expect(successes > 100)
  }
}
