// Cursors on a kernel's table, whose root entries are there for ever.

import MMU
import Testing

@testable import GuestMem

@Suite("A cursor on a kernel's table removes what is below the anchors and never an anchor")
struct KernelCursorTests {
  static let base: UInt64 = 0xffff_8000_0000_0000
  static let plain = PageProperties(rights: [.read, .write])
  static let slot: UInt64 = 1 << 39

  /// The words of the root's upper half.
  static func anchors(_ machine: borrowing AddressSpaceTests.Machine) -> [UInt64?] {
    (256..<512).map {
      machine.memory.view.loadWord(at: physical(machine.kernel.root.address | UInt64($0) << 3))
    }
  }

  /// Pages in the first three slots, at both ends of the middle one.
  static func machine() throws -> AddressSpaceTests.Machine {
    var machine = try AddressSpaceTests.Machine()
    for offset in [slot - 4096, slot, 2 * slot - 4096, 2 * slot] {
      try machine.kernel.map(
        linear(base + offset), byteCount: 4096, to: physical(0x10_0000), properties: plain,
        allocator: &machine.allocator)
    }
    return machine
  }

  enum Removal: CaseIterable { case unmap, take, takeSlots, jump }

  @Test(
    "Over one slot, over several, and over a part of one, by every way to remove",
    arguments: Removal.allCases, [(0, 1), (1, 2), (0, 3), (0, 256), (1, 1)])
  func removals(_ removal: Removal, _ slots: (Int, Int)) throws {
    var machine = try Self.machine()
    let before = Self.anchors(machine)
    let start = Self.base + UInt64(slots.0) * Self.slot
    let end = slots.0 == slots.1 ? start + 4096 : Self.base &+ UInt64(slots.1) * Self.slot
    let mapped = [1, 2, 2, 3].indices.filter { index in
      let address =
        Self.base + [Self.slot - 4096, Self.slot, 2 * Self.slot - 4096, 2 * Self.slot][index]
      return address >= start && (end == 0 || address < end)
    }.count
    var removed = 0
    try machine.kernel.withCursor(
      linear(start), byteCount: end &- start, allocator: &machine.allocator
    ) { (cursor, allocator) throws(PageTableError) in
      func count(_ fragment: consuming RemovedFragment<KernelPaging>) -> Int {
        switch consume fragment {
        case .page: return 1
        case .table(_, let byteCount, let node, let count):
          #expect(byteCount < Self.slot && node.level < .pageDirectoryPointerTable)
          return Int(count.byteCount / 4096)
        }
      }
      switch removal {
      case .unmap:
        removed = Int(
          try cursor.unmap(byteCount: end &- start, allocator: &allocator).byteCount / 4096)
      case .take, .jump:
        while true {
          let rest = cursor.remainingByteCount
          guard let fragment = try cursor.takeNext(byteCount: rest, allocator: &allocator) else {
            break
          }
          removed += count(fragment)
          #expect(cursor.contractViolations() == [])
          if removal == .jump && cursor.remainingByteCount > 0 {
            // Back to the beginning and on, up to the root and down again.
            let place = cursor.linearAddress
            try cursor.jump(to: linear(start), allocator: &allocator)
            if let place { try cursor.jump(to: place, allocator: &allocator) }
          }
        }
      case .takeSlots:
        // As much as an anchor covers, each time.
        while cursor.remainingByteCount > 0 {
          let rest = min(cursor.remainingByteCount, Self.slot)
          if let fragment = try cursor.takeNext(byteCount: rest, allocator: &allocator) {
            removed += count(fragment)
          }
        }
      }
    }
    #expect(removed == mapped)
    #expect(Self.anchors(machine) == before)
    machine.check()
    // What is below them went, but for the slots that were not touched.
    let left = 4 - mapped
    #expect(machine.kernel.leafCount(of: .size4KiB) == UInt64(left))
    if slots == (0, 256) || slots == (0, 3) { #expect(machine.kernel.tableCount == 257) }
    machine.allocator.drainStack()
  }

  @Test("An anchor's table is emptied and filled again through cursors, and users see it")
  func again() throws {
    var machine = try Self.machine()
    let before = Self.anchors(machine)
    let prepared = try machine.kernel.prepare(Self.plain)
    for round in 0..<3 as Range<UInt64> {
      try machine.kernel.withCursor(
        linear(Self.base), byteCount: 3 * Self.slot, allocator: &machine.allocator
      ) { (cursor, allocator) throws(PageTableError) in
        try cursor.unmap(byteCount: 3 * Self.slot, allocator: &allocator)
        try cursor.jump(to: linear(Self.base + Self.slot), allocator: &allocator)
        try cursor.map4KiB(to: physical(round << 12), prepared, allocator: &allocator)
      }
      #expect(Self.anchors(machine) == before)
      let seen = machine.user.translate(linear(Self.base + Self.slot))
      #expect(seen?.physicalAddress == physical(round << 12))
      machine.check()
    }
    #expect(machine.kernel.tableCount == 257 + 2)
  }

  @Test("No page or table takes the place of an anchor")
  func replaced() throws {
    var machine = try Self.machine()
    let before = Self.anchors(machine)
    try machine.kernel.withRoot(allocator: &machine.allocator) {
      (root, allocator) throws(EntryError) in
      for index in [256, 257, 511] {
        try root.withEntry(at: index) { (entry) throws(EntryError) in
          let node = try entry.allocateIfNone(allocator: &allocator)
          let isNone = node == nil
          #expect(isNone)
          do throws(EntryError) {
            _ = try entry.collapse(allocator: &allocator)
            Issue.record("an anchor was collapsed")
          } catch {
            #expect(error == .leafUnsupported(level: .pageMapLevel4))
          }
          var child = Child<KernelPaging>.none
          do throws(EntryError) {
            try entry.replace(with: &child)
            Issue.record("an anchor was taken out")
          } catch {
            #expect(error == .topLevelRemoval(index: index))
          }
        }
      }
    }
    #expect(Self.anchors(machine) == before)
    machine.check()
  }
}
