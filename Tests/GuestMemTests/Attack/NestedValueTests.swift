// Two values of one table, one used inside a cursor of the other.

import MMU
import Testing

@testable import GuestMem

@Suite("A table that a cursor stands in stays, whoever removes what is around it")
struct NestedValueTests {
  static let plain = PageProperties(rights: [.read, .write])

  /// What the second value does while a cursor of the first stands in the table of its first pages.
  enum Removal: CaseIterable {
    case unmap, unmapOffline, cursorUnmap, take, remap
  }

  func remove(
    _ removal: Removal, _ table: inout PageTable, _ allocator: inout FrameAllocator
  ) throws(PageTableError) {
    switch removal {
    case .unmap, .unmapOffline:
      table.liveness = removal == .unmap ? .live : .offline
      try table.unmap(linear(0), byteCount: 1 << 30, allocator: &allocator)
    case .cursorUnmap:
      _ = try table.withCursor(linear(0), byteCount: 1 << 40, allocator: &allocator) {
        (cursor, allocator) throws(PageTableError) in
        try cursor.unmap(byteCount: 1 << 40, allocator: &allocator)
      }
    case .take:
      try table.withCursor(linear(0), byteCount: 1 << 40, allocator: &allocator) {
        (cursor, allocator) throws(PageTableError) in
        _ = try cursor.takeNext(byteCount: 1 << 40, allocator: &allocator)
      }
    case .remap:
      try table.withCursor(
        linear(0), byteCount: 1 << 30, minimumLevel: .pageDirectoryPointerTable,
        allocator: &allocator
      ) { (cursor, allocator) throws(PageTableError) in
        var page = Child<NativePaging>.page(
          PageItem(
            untracked: physical(0), level: .pageDirectoryPointerTable, properties: Self.plain))
        try cursor.remap(&page, allocator: &allocator)
      }
    }
  }

  @Test("A removal that reaches the cursor's table is refused", arguments: Removal.allCases)
  func refused(removal: Removal) throws {
    var machine = try TestMachine()
    try machine.table.map(
      linear(0), byteCount: 4096, to: physical(0), properties: Self.plain,
      allocator: &machine.allocator)
    var second = try machine.table.shallowCopy()
    let prepared = try machine.table.prepare(Self.plain)
    let view = machine.memory.view
    let byteCount = Int(machine.memory.byteCount)
    try machine.table.withCursor(
      linear(4096), byteCount: 1 << 20, allocator: &machine.allocator
    ) { (cursor, allocator) throws(PageTableError) in
      try cursor.map4KiB(to: physical(4096), prepared, allocator: &allocator)
      let before = view.readBytes(at: physical(0), count: byteCount)
      let free = allocator.freeByteCount
      do throws(PageTableError) {
        try remove(removal, &second, &allocator)
        Issue.record("the removal went through")
      } catch {
        #expect(
          error
            == .busy(
              linearAddress: 0, level: .pageTable, holder: .thisThread(ThreadIdentifier.current)))
      }
      #expect(view.readBytes(at: physical(0), count: byteCount) == before)
      #expect(allocator.freeByteCount == free)
      #expect(cursor.contractViolations() == [])
      try cursor.map4KiB(to: physical(8192), prepared, allocator: &allocator)
    }
    for page in 0..<3 as Range<UInt64> {
      #expect(try machine.translation(page << 12).physicalAddress == physical(page << 12))
    }
    second.destroy(allocator: &machine.allocator)
    #expect(machine.table.contractViolations(allocator: machine.allocator) == [])
    try remove(removal, &machine.table, &machine.allocator)
    #expect(machine.table.contractViolations(allocator: machine.allocator) == [])
  }
}
