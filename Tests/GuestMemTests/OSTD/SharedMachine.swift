// SharedMachine: a kernel's and a user's table of one pair of kinds.

import MMU
import Testing

@testable import GuestMem

/// A kernel's table and a user's that shares it, of one pair of kinds.
struct SharedMachine<User: UserTableConfiguration>: ~Copyable {
  let memory: GuestMemory
  var allocator: FrameAllocator
  var kernel: ConfiguredPageTable<User.Kernel>
  var user: ConfiguredPageTable<User>

  init() throws {
    let memory = try GuestMemory(byteCount: 32 << 20, backing: .anonymous)
    var allocator = try FrameAllocator(byteCount: 32 << 20)
    let kernel = try ConfiguredPageTable<User.Kernel>(
      anchoring: PagingConfiguration(), memory: memory.view, allocator: &allocator)
    let user = try ConfiguredPageTable<User>(sharing: kernel, allocator: &allocator)
    self.memory = memory
    self.allocator = allocator
    self.kernel = kernel
    self.user = user
  }

  /// Every contract of both tables; nobody but they and `handles` owns a frame.
  func check(handles: [UInt64: UInt64] = [:]) {
    var context = ContractContext(handles: handles, sharedRoot: kernel.root)
    context.add(kernel)
    #expect(user.contractViolations(allocator: allocator, context: context) == [])
    context = ContractContext(handles: handles)
    context.add(user)
    #expect(kernel.contractViolations(allocator: allocator, context: context) == [])
  }

  /// Maps a new frame that the page owns and answers it.
  mutating func mapTracked(
    at address: UInt64, size: PageSize, properties: PageProperties
  ) throws -> UInt64 {
    let handle = try allocator.allocateFrame(of: size)
    let frame = handle.frame
    var child = Child<User>.page(try PageItem(tracked: handle, properties: properties))
    try user.withCursor(
      linear(address), byteCount: size.byteCount, minimumLevel: size.level,
      allocator: &allocator
    ) { (cursor, allocator) throws(PageTableError) in
      try cursor.map(&child, allocator: &allocator)
    }
    return frame
  }
}
