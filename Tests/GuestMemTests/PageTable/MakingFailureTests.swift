// What happens when frames run out while tables, nodes, clones and handles are made.

import MMU
import Testing

@testable import GuestMem

@Suite("Making something that runs out of frames leaves nothing behind")
struct MakingFailureTests {
  static let user = PageProperties(rights: [.read, .write], isUser: true)

  /// Leaves `free` frames in the allocator, the rest given out.
  static func drain(_ allocator: inout FrameAllocator, leaving free: UInt64) throws {
    allocator.drainStack()
    _ = try allocator.allocate(byteCount: (allocator.freeFrames - free) * 4096)
  }

  /// Tries `make` with more and more free frames until it works; answers how many that took.
  func framesNeeded(
    _ make: (inout FrameAllocator, MemoryView) throws -> Void
  ) throws -> UInt64 {
    for free in 0...600 as ClosedRange<UInt64> {
      let memory = try GuestMemory(byteCount: 16 << 20, backing: .anonymous)
      var allocator = try FrameAllocator(byteCount: 16 << 20)
      try Self.drain(&allocator, leaving: free)
      let before = (allocator.freeFrames, allocator.countedFrames)
      do {
        try make(&allocator, memory.view)
        #expect(allocator.freeFrames == 0)
        return free
      } catch {
        allocator.collectReturned()
        #expect(allocator.freeFrames == before.0, "\(error)")
        let owned = (0..<4096 as Range<UInt64>).filter {
          allocator.metadata.ownership(of: $0) != .unused
        }
        #expect(owned.isEmpty, "\(error)")
      }
    }
    Issue.record("it never succeeds")
    return 0
  }

  @Test("A table, a kernel's table, a node and a frame")
  func roots() throws {
    let paging = try PagingConfiguration()
    #expect(
      try framesNeeded { allocator, memory in
        _ = try PageTable(configuration: paging, memory: memory, allocator: &allocator)
      } == 1)
    #expect(
      try framesNeeded { allocator, memory in
        _ = try ConfiguredPageTable<KernelPaging>(
          anchoring: paging, memory: memory, allocator: &allocator)
      } == 257)
    #expect(
      try framesNeeded { allocator, _ in
        let handle = try allocator.allocateFrame()
        _ = handle.intoRaw()
      } == 1)
  }

  @Test("A user's table and a node beside a kernel's table")
  func users() throws {
    let memory = try GuestMemory(byteCount: 16 << 20, backing: .anonymous)
    var allocator = try FrameAllocator(byteCount: 16 << 20)
    let kernel = try ConfiguredPageTable<KernelPaging>(
      anchoring: try PagingConfiguration(), memory: memory.view, allocator: &allocator)
    try Self.drain(&allocator, leaving: 0)
    #expect(throws: PageTableError.outOfFrames(needed: 1, available: 0)) {
      _ = try ConfiguredPageTable<UserPaging>(sharing: kernel, allocator: &allocator)
    }
    #expect(throws: EntryError.outOfFrames) {
      _ = try NodeHandle(
        level: .pageTable, tables: kernel.tableMemory, allocator: &allocator)
    }
    #expect(throws: FrameAllocationError.self) { _ = try allocator.allocateUniqueFrame() }
    #expect(kernel.contractViolations(allocator: allocator) == [])
  }

  @Test("A clone, at every number of free frames")
  func clone() throws {
    for free in 0...20 as ClosedRange<UInt64> {
      var world = try World<NativePaging>(levels: .pageMapLevel4, frameCount: 60)
      for setup in [
        .map(0, 4, to: 0, Self.user, .largest), .map(1 << 27, 1, to: 9, Self.user, .largest),
      ] as [Operation] {
        #expect(world.step(setup, before: world.image) == nil)
      }
      try Self.drain(&world.allocator, leaving: free)
      let before = RawState(world)
      let tables = world.table.tableCount
      do throws(PageTableError) {
        let copy = try world.table.cloneCopyOnWrite(
          markingWith: 0, allocator: &world.allocator)
        #expect(free == tables && copy.tableCount == tables)
        return
      } catch {
        #expect(error == .outOfFrames(needed: tables, available: free))
        #expect(RawState(world).differsOnlyInReclaimed(before), "\(free) frames")
      }
    }
    Issue.record("it never succeeds")
  }

  @Test("Pages put in one by one through a cursor")
  func cursor() throws {
    var world = try World<NativePaging>(levels: .pageMapLevel4, frameCount: 60)
    try Self.drain(&world.allocator, leaving: 3)
    let prepared = try world.table.prepare(Self.user)
    var mapped: UInt64 = 0
    var fault: ContractViolation?
    // Three tables hold 512 pages; the next page needs one more.
    #expect(throws: PageTableError.outOfFrames(needed: 1, available: 0)) {
      try world.table.withCursor(
        linear(0), byteCount: 4 << 20, allocator: &world.allocator
      ) { (cursor, allocator) throws(PageTableError) in
        defer { fault = cursor.contractViolations().first }
        for page in 0..<1024 as Range<UInt64> {
          try cursor.map4KiB(to: physical(page << 12), prepared, allocator: &allocator)
          mapped += 1
        }
      }
    }
    #expect(mapped == 512 && fault == nil)
    #expect(world.table.leafCount(of: .size4KiB) == 512)
    #expect(world.violations == [])
  }
}
