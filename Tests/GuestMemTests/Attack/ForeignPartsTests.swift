// Parts of other tables and other memory, handed to a table that cannot tell by their type.

import MMU
import Testing

@testable import GuestMem

@Suite("What belongs to other memory stays there")
struct ForeignPartsTests {
  static let plain = PageProperties(rights: [.read, .write])

  @Test("A cursor that is handed the allocator of other memory gives nothing to it")
  func cursorWithForeignAllocator() throws {
    var machine = try TestMachine(byteCount: 64 << 20)
    var other = try FrameAllocator(byteCount: 1 << 20)
    let otherMemory = try GuestMemory(byteCount: 64 << 20, backing: .anonymous)
    // Tables beyond the frames that the other allocator has metadata for.
    _ = try machine.allocator.allocate(byteCount: 32 << 20)
    let free = machine.allocator.freeByteCount
    let otherFree = other.freeByteCount
    try machine.table.map(
      linear(0), byteCount: 8 << 20, to: physical(0), properties: Self.plain,
      pageSizes: .exactly(.size4KiB), allocator: &machine.allocator)
    try machine.table.withCursor(
      linear(0), byteCount: 8 << 20, allocator: &machine.allocator
    ) { (cursor, allocator) throws(PageTableError) in
      for _ in 0..<4 {
        do throws(PageTableError) {
          _ = try cursor.takeNext(byteCount: 4096, allocator: &other)
          Issue.record("nothing was thrown")
        } catch {
          #expect(error == .foreignAllocator)
        }
        // With its own it goes on.
        _ = try cursor.takeNext(byteCount: 2 << 20, allocator: &allocator)
      }
    }
    #expect(other.freeByteCount == otherFree)
    let table = try PageTable(
      configuration: testPaging(levels: .pageMapLevel4), memory: otherMemory.view,
      allocator: &other)
    #expect(table.rootAddress.rawValue < other.byteCount)
    #expect(machine.table.contractViolations(allocator: machine.allocator) == [])
    _ = try machine.allocator.allocate()
    #expect(machine.allocator.freeByteCount == free - 4096)
  }

  @Test("The same when the body of a cursor exchanges the allocator")
  func exchangedAllocator() throws {
    var machine = try TestMachine(byteCount: 64 << 20)
    var other = try FrameAllocator(byteCount: 1 << 20)
    let free = machine.allocator.freeByteCount
    let otherFree = other.freeByteCount
    try machine.table.map(
      linear(0), byteCount: 4096, to: physical(0), properties: Self.plain,
      allocator: &machine.allocator)
    try machine.table.withCursor(
      linear(0), byteCount: 8 << 20, allocator: &machine.allocator
    ) { (cursor, allocator) throws(PageTableError) in
      try cursor.unmap(byteCount: 8 << 20, allocator: &allocator)
      swap(&allocator, &other)
    }
    swap(&machine.allocator, &other)
    _ = try machine.allocator.allocate()
    #expect(other.freeByteCount == otherFree)
    #expect(machine.allocator.freeByteCount == free - 4096)
    #expect(machine.table.contractViolations(allocator: machine.allocator) == [])
  }

  @Test("Properties prepared for another processor put nothing in that this one cannot read")
  func foreignPreparedProperties() throws {
    let memory = try GuestMemory(byteCount: 16 << 20, backing: .anonymous)
    var allocator = try FrameAllocator(byteCount: memory.byteCount)
    let wide = try PageTable(
      configuration: PagingConfiguration(physicalAddressWidth: 52), memory: memory.view,
      allocator: &allocator)
    for isNoExecuteEnabled in [true, false] {
      var narrow = try PageTable(
        configuration: PagingConfiguration(
          physicalAddressWidth: 36, isNoExecuteEnabled: isNoExecuteEnabled),
        memory: memory.view, allocator: &allocator)
      for isUser in [false, true] {
        let code = try wide.prepare(PageProperties(rights: [.read, .execute], isUser: isUser))
        let data = try wide.prepare(PageProperties(rights: [.read, .write], isUser: isUser))
        let start = linear(isUser ? 1 << 30 : 0)
        try narrow.withCursor(start, byteCount: 1 << 21, allocator: &allocator) {
          (cursor, allocator) throws(PageTableError) in
          if !isNoExecuteEnabled {
            // As the first page of a run and as a later one, and as a range.
            for page in 0..<2 as Range<UInt64> {
              #expect(throws: PageTableError.noExecuteUnavailable) {
                try cursor.map4KiB(to: physical(0), data, allocator: &allocator)
              }
              #expect(throws: PageTableError.noExecuteUnavailable) {
                try cursor.map(byteCount: 4096, to: physical(0), data, allocator: &allocator)
              }
              try cursor.map4KiB(to: physical(page << 12), code, allocator: &allocator)
            }
          }
          try cursor.map4KiB(to: physical(0), code, allocator: &allocator)
          for target in [1 << 36, 1 << 51] as [UInt64] {
            #expect(
              throws: PageTableError.physicalAddressTooWide(target, byteCount: 4096, width: 36)
            ) {
              try cursor.map4KiB(to: physical(target), code, allocator: &allocator)
            }
          }
          #expect(cursor.contractViolations() == [])
        }
      }
      var context = ContractContext()
      context.add(wide)
      #expect(narrow.contractViolations(allocator: allocator, context: context) == [])
      narrow.destroy(allocator: &allocator)
    }
  }

  @Test("Nodes and pages of other memory are refused by entries and cursors")
  func foreignChildren() throws {
    let memory = try GuestMemory(byteCount: 16 << 20, backing: .anonymous)
    var allocator = try FrameAllocator(byteCount: memory.byteCount)
    var other = try FrameAllocator(byteCount: memory.byteCount)
    let paging = try testPaging(levels: .pageMapLevel4)
    var table = try ConfiguredPageTable<UserPaging>(
      configuration: paging, memory: memory.view, allocator: &allocator)
    let otherTable = try ConfiguredPageTable<UserPaging>(
      configuration: paging, memory: memory.view, allocator: &other)
    // Frame 1 is a node of that level in both.
    let own = try NodeHandle<UserPaging>(
      level: .pageDirectoryPointerTable, tables: table.tableMemory, allocator: &allocator)
    var node = Child<UserPaging>.table(
      try NodeHandle(
        level: .pageDirectoryPointerTable, tables: otherTable.tableMemory, allocator: &other))
    #expect(throws: EntryError.foreignAllocator) {
      try table.withRoot(allocator: &allocator) { (root, _) throws(EntryError) in
        try root.withEntry(at: 0) { (entry) throws(EntryError) in
          try entry.replace(with: &node)
        }
      }
    }
    let isKept = !node.isNone
    #expect(isKept)
    let frame = try other.allocateFrame()
    let number = frame.frame
    var page = Child<UserPaging>.page(
      try PageItem(tracked: frame, properties: PageProperties(rights: .read, isUser: true)))
    for isRemap in [false, true] {
      #expect(throws: PageTableError.foreignAllocator) {
        try table.withCursor(linear(0), byteCount: 4096, allocator: &allocator) {
          (cursor, allocator) throws(PageTableError) in
          if isRemap {
            try cursor.remap(&page, allocator: &allocator)
          } else {
            try cursor.map(&page, allocator: &allocator)
          }
        }
      }
    }
    #expect(other.metadata.ownership(of: number) == .shared(1))
    #expect(allocator.metadata.ownership(of: number) == .unused)
    #expect(
      table.contractViolations(
        allocator: allocator, context: ContractContext(handles: [own.table.frame: 1])) == [])
    // What is still held goes before the allocators do.
    node = .none
    page = .none
    #expect(other.metadata.ownership(of: number) == .unused)
  }
}
