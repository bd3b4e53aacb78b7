// Nodes that are given back while a guard or a cursor still holds them.

import MMU
import Testing

@testable import GuestMem

@Suite("Whoever holds a node that was given back changes nothing any more")
struct FreedNodeTests {
  static let plain = PageProperties(rights: [.read, .write])

  /// The frames that the allocator gives out next are all different and inside memory.
  func checkFrames(of allocator: inout FrameAllocator) throws {
    var handles: [UInt64] = []
    for _ in 0..<16 { handles.append(try allocator.allocateFrame().intoRaw()) }
    #expect(Set(handles).count == handles.count)
    #expect(handles.allSatisfy { $0 < allocator.byteCount >> 12 })
  }

  @Test("A guard outlives the last owner of its node")
  func guardOutlivesHandle() throws {
    var machine = try TestMachine()
    // So that there is a list of returned frames to damage.
    for _ in 0..<4 {
      _ = try NodeHandle<NativePaging>(
        level: .pageDirectory, tables: machine.table.tableMemory, allocator: &machine.allocator)
    }
    let handle = try NodeHandle<NativePaging>(
      level: .pageDirectory, tables: machine.table.tableMemory, allocator: &machine.allocator)
    var node = try handle.lock()
    let address = node.address
    _ = consume handle
    let words = machine.memory.view.readWords(at: address, count: 512)
    for index in 0..<5 {
      #expect(throws: EntryError.stray(nodeAddress: address.rawValue)) {
        try node.withEntry(at: index) { (entry) throws(EntryError) in
          var child = Child<NativePaging>.page(
            PageItem(untracked: physical(0), level: .pageDirectory, properties: Self.plain))
          try entry.replace(with: &child)
        }
      }
      #expect(throws: EntryError.stray(nodeAddress: address.rawValue)) {
        try node.withEntry(at: index) { (entry) throws(EntryError) in
          _ = try entry.allocateIfNone(allocator: &machine.allocator)
        }
      }
    }
    _ = consume node
    #expect(machine.memory.view.readWords(at: address, count: 512) == words)
    try checkFrames(of: &machine.allocator)
  }

  @Test("A leaf that a guest forged gives no node back, not even the one that a cursor stands in")
  func forgedLeaf() throws {
    let memory = try GuestMemory(byteCount: 16 << 20, backing: .anonymous)
    var allocator = try FrameAllocator(byteCount: 1 << 20)
    var table = try ConfiguredPageTable<UserPaging>(
      configuration: testPaging(levels: .pageMapLevel4), memory: memory.view,
      allocator: &allocator)
    try table.map(
      linear(0), byteCount: 4096, to: physical(0),
      properties: PageProperties(rights: .read, isUser: true), allocator: &allocator)
    var node = table.rootAddress.rawValue
    for _ in 0..<3 {
      node = try #require(memory.view.loadWord(at: physical(node))) & EntryBits.address
    }
    // Present, user, and without the mark of pages that own nothing.
    memory.view.storeWord(node | 5, at: physical(node + 8))
    try table.withCursor(
      linear(0), byteCount: 16 << 12, allocator: &allocator
    ) { (cursor, allocator) throws(PageTableError) in
      for _ in 0..<2 { _ = try cursor.takeNext(byteCount: 4096, allocator: &allocator) }
      for _ in 0..<5 {
        var page = Child<UserPaging>.page(
          PageItem(
            untracked: physical(0), level: .pageTable,
            properties: PageProperties(rights: .read, isUser: true)))
        try cursor.map(&page, allocator: &allocator)
      }
    }
    #expect(table.tableMemory.metadata.nodeState(of: node >> 12).isNode(of: .pageTable))
    #expect(table.tableMemory.metadata.ownership(of: node >> 12) == .shared(1))
    try checkFrames(of: &allocator)
    try table.unmap(linear(0), byteCount: 16 << 12, allocator: &allocator)
    try checkFrames(of: &allocator)
  }

  @Test("A page larger than memory is dropped in no time")
  func pageLargerThanMemory() throws {
    var allocator = try FrameAllocator(byteCount: 1 << 20)
    for level in Level.allCases {
      let handle = try allocator.allocateFrame()
      let first = handle.intoRaw()
      _ = PageItem<UserPaging>(
        fromRaw: RawPage(
          physicalAddress: physical(first << 12), level: level,
          properties: PageProperties(rights: .read)),
        metadata: allocator.metadata)
      #expect(allocator.metadata.ownership(of: first) == .unused)
    }
  }
}
