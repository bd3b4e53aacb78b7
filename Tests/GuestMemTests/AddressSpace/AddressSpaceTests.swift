// Address spaces: kernel halves, owners of roots and frames, and clones.

import MMU
import Testing

@testable import GuestMem

@Suite("Address spaces share what they should and free what they own")
struct AddressSpaceTests {
  static let plain = PageProperties(rights: [.read, .write], isUser: true)

  /// Memory, frames, a kernel's table and a user's.
  struct Machine: ~Copyable {
    let memory: GuestMemory
    var allocator: FrameAllocator
    var kernel: ConfiguredPageTable<KernelPaging>
    var user: ConfiguredPageTable<UserPaging>

    init() throws {
      let memory = try GuestMemory(byteCount: 32 << 20, backing: .anonymous)
      var allocator = try FrameAllocator(byteCount: 32 << 20)
      let kernel = try ConfiguredPageTable<KernelPaging>(
        anchoring: PagingConfiguration(), memory: memory.view, allocator: &allocator)
      let user = try ConfiguredPageTable<UserPaging>(sharing: kernel, allocator: &allocator)
      self.memory = memory
      self.allocator = allocator
      self.kernel = kernel
      self.user = user
    }

    /// Every contract of both tables; nobody but they and `handles` owns a frame.
    func check(handles: [UInt64: UInt64] = [:]) {
      #expect(violations(handles: handles) == [])
    }

    func violations(handles: [UInt64: UInt64] = [:]) -> [ContractViolation] {
      var context = ContractContext(handles: handles, sharedRoot: kernel.root)
      context.add(kernel)
      let found = user.contractViolations(allocator: allocator, context: context)
      context = ContractContext(handles: handles)
      context.add(user)
      return found + kernel.contractViolations(allocator: allocator, context: context)
    }
  }

  /// Maps a new frame at a user address and answers the frame.
  func mapTracked(_ machine: inout Machine, at address: UInt64, size: PageSize) throws -> UInt64 {
    let handle = try machine.allocator.allocateFrame(of: size)
    let frame = handle.frame
    var child = Child<UserPaging>.page(try PageItem(tracked: handle, properties: Self.plain))
    try machine.user.withCursor(
      linear(address), byteCount: size.byteCount, minimumLevel: size.level,
      allocator: &machine.allocator
    ) { (cursor, allocator) throws(PageTableError) in
      try cursor.map(&child, allocator: &allocator)
    }
    let isMoved = child.isNone
    #expect(isMoved)
    return frame
  }

  @Test("A user's table shows what the kernel maps, before and after it was made")
  func sharedHalf() throws {
    var machine = try Machine()
    #expect(machine.kernel.tableCount == 257)
    let address = linear(0xffff_8000_0010_0000)
    try machine.kernel.map(
      address, byteCount: 4096, to: physical(0x5000), properties: PageProperties(rights: .read),
      allocator: &machine.allocator)
    let seen = machine.user.translate(address)
    #expect(seen?.physicalAddress == physical(0x5000))
    machine.check()
    try machine.kernel.unmap(address, byteCount: 1 << 39, allocator: &machine.allocator)
    #expect(machine.kernel.tableCount == 257, "anchors stay")
    machine.check()
    #expect(throws: PageTableError.notOwned(start: address.rawValue, byteCount: 4096)) {
      try machine.user.unmap(address, byteCount: 4096, allocator: &machine.allocator)
    }
    #expect(throws: PageTableError.notOwned(start: 0, byteCount: 4096)) {
      try machine.kernel.unmap(linear(0), byteCount: 4096, allocator: &machine.allocator)
    }
    #expect(throws: EntryError.topLevelRemoval(index: 256)) {
      try machine.kernel.withRoot(allocator: &machine.allocator) {
        (root, _) throws(EntryError) in
        try root.withEntry(at: 256) { (entry) throws(EntryError) in
          var child = Child<KernelPaging>.none
          try entry.replace(with: &child)
        }
      }
    }
  }

  @Test("Pages own their frames until they are removed", arguments: [PageSize.size4KiB, .size2MiB])
  func trackedFrames(size: PageSize) throws {
    var machine = try Machine()
    machine.allocator.drainStack()
    let free = machine.allocator.freeByteCount
    let frame = try mapTracked(&machine, at: 0x4000_0000, size: size)
    #expect(machine.allocator.metadata.ownership(of: frame) == .shared(1))
    machine.check()
    do {
      let handle = try FrameHandle(
        sharing: frame, frameCount: 1, metadata: machine.allocator.metadata)
      #expect(machine.allocator.metadata.ownership(of: frame) == .shared(2))
      machine.check(handles: [handle.frame: 1])
    }
    try machine.user.protect(
      linear(0x4000_0000), byteCount: 4096, change: PropertyChange(rights: []),
      allocator: &machine.allocator)
    machine.check()
    let report = try machine.user.unmap(
      linear(0x4000_0000), byteCount: size.byteCount, allocator: &machine.allocator)
    #expect(report.byteCount == size.byteCount)
    machine.allocator.drainStack()
    #expect(machine.allocator.freeByteCount == free)
    machine.check()
  }

  @Test("Removing a page gives its ownership out, and a table gives it back when it goes")
  func fragments() throws {
    var machine = try Machine()
    let first = try mapTracked(&machine, at: 0x1000, size: .size4KiB)
    let second = try mapTracked(&machine, at: 0x20_0000, size: .size4KiB)
    try machine.user.withCursor(
      linear(0), byteCount: 0x40_0000, allocator: &machine.allocator
    ) { (cursor, allocator) throws(PageTableError) in
      try cursor.jump(to: linear(0x1000), allocator: &allocator)
      let page = try cursor.takeNext(byteCount: 0x1000, allocator: &allocator)
      guard case .some(.page(let address, let item)) = consume page else {
        Issue.record("no page came out")
        return
      }
      let isTracked = item.isTracked
      let properties = item.properties
      #expect(address == linear(0x1000) && isTracked)
      #expect(properties == Self.plain)
      try cursor.jump(to: linear(0x20_0000), allocator: &allocator)
      let table = try cursor.takeNext(byteCount: 0x20_0000, allocator: &allocator)
      guard case .some(.table(let start, let byteCount, let node, let count)) = consume table
      else {
        Issue.record("no table came out")
        return
      }
      #expect(start == linear(0x20_0000) && byteCount == 0x20_0000)
      #expect(count.byteCount == 4096 && count.tableCount == 1)
      let isStray = allocator.metadata.nodeState(of: node.table.frame).isStray
      #expect(isStray)
      #expect(allocator.metadata.ownership(of: second) == .shared(1))
    }
    #expect(machine.allocator.metadata.ownership(of: first) == .unused)
    #expect(machine.allocator.metadata.ownership(of: second) == .unused)
    #expect(machine.user.tableCount == 1)
    machine.check()
  }

  @Test("A root lives as long as one of its owners, and its end frees everything")
  func lifetime() throws {
    var machine = try Machine()
    machine.allocator.drainStack()
    let free = machine.allocator.freeByteCount
    var other = try ConfiguredPageTable<UserPaging>(
      sharing: machine.kernel, allocator: &machine.allocator)
    try other.map(
      linear(0), byteCount: 1 << 22, to: physical(0x1000), properties: Self.plain,
      allocator: &machine.allocator)
    let root = other.root
    do {
      let activation = try other.activate()
      #expect(activation.cr3 == other.rootAddress.rawValue)
      let copy = try other.shallowCopy()
      #expect(machine.allocator.metadata.ownership(of: root.frame) == .shared(3))
      copy.destroy(allocator: &machine.allocator)
      other.destroy(allocator: &machine.allocator)
      #expect(machine.allocator.metadata.ownership(of: root.frame) == .shared(1))
      #expect(activation.cr3 == root.address)
    }
    machine.allocator.drainStack()
    #expect(machine.allocator.freeByteCount == free)
    #expect(machine.kernel.tableCount == 257)
    machine.check()
  }

  @Test("A clone has the same pages, writable in neither, and frames of two owners")
  func clone() throws {
    var machine = try Machine()
    let frame = try mapTracked(&machine, at: 0x1000, size: .size4KiB)
    let large = try mapTracked(&machine, at: 0x20_0000, size: .size2MiB)
    let copy = try machine.user.cloneCopyOnWrite(markingWith: 0, allocator: &machine.allocator)
    for address in [0x1000, 0x20_0000, 0x3f_ffff] as [UInt64] {
      let mine = machine.user.translate(linear(address))
      let its = copy.translate(linear(address))
      #expect(mine?.physicalAddress == its?.physicalAddress)
      #expect(mine?.properties == its?.properties)
      #expect(mine?.properties.rights == .read)
      #expect(mine?.properties.softwareBits == 1)
    }
    #expect(machine.allocator.metadata.ownership(of: frame) == .shared(2))
    #expect(machine.allocator.metadata.ownership(of: large + 511) == .shared(2))
    var context = ContractContext(sharedRoot: machine.kernel.root)
    context.add(machine.kernel)
    let violations = ContractChecker<UserPaging>.violations(
      of: [machine.user.root, copy.root], in: machine.user.tableMemory,
      allocator: machine.allocator, context: context)
    #expect(violations == [])
    copy.destroy(allocator: &machine.allocator)
    #expect(machine.allocator.metadata.ownership(of: frame) == .shared(1))
    machine.check()
    #expect(throws: PageTableError.reservedSoftwareBits(0x200)) {
      _ = try machine.user.cloneCopyOnWrite(markingWith: 9, allocator: &machine.allocator)
    }
  }

  @Test("The largest pages are those that a mapping gets")
  func largestPages() throws {
    var machine = try TestMachine()
    let start: UInt64 = 0x3fdf_f000
    let pages = try machine.table.largestPages(
      linear(start), byteCount: 0x8020_2000, to: physical(0x1_0000_0000 + start))
    try machine.table.map(
      linear(start), byteCount: 0x8020_2000, to: physical(0x1_0000_0000 + start),
      properties: Self.plain, allocator: &machine.allocator)
    var next = start
    for page in pages {
      #expect(page.linearAddress.rawValue == next)
      let found = try machine.translation(next)
      #expect(found.pageSize == page.size && found.physicalAddress == page.physicalAddress)
      next += page.size.byteCount
    }
    #expect(next == start + 0x8020_2000)
  }
}
