// Values that outlive the owner of what they read: they keep it there.

import Glibc
import MMU
import Testing

@testable import GuestMem

@Suite("What reads memory keeps it there, whatever ends first")
struct OutlivedOwnerTests {
  /// Enough to be mapped by itself, so that what was unmapped is gone.
  static let byteCount: UInt64 = 8 << 20

  static func memory() throws -> GuestMemory {
    try GuestMemory(byteCount: byteCount, backing: .anonymous)
  }

  /// A table with a page, whose memory and allocator end with this call.
  static func table() throws -> PageTable {
    let memory = try memory()
    var allocator = try FrameAllocator(byteCount: byteCount)
    var table = try PageTable(
      configuration: try PagingConfiguration(), memory: memory.view, allocator: &allocator)
    try table.map(
      linear(0x1000), byteCount: 4096, to: physical(0x5000),
      properties: PageProperties(rights: .read), allocator: &allocator)
    return table
  }

  @Test("A view of memory")
  func view() throws {
    let view = try Self.memory().view
    #expect(view.storeWord(7, at: physical(Self.byteCount - 8)))
    #expect(view.loadWord(at: physical(Self.byteCount - 8)) == 7)
    #expect(view.writeBytes([1, 2], at: physical(0)))
    #expect(view.readBytes(at: physical(0), count: 2) == [1, 2])
  }

  @Test("A view of the books of frames, and handles of them")
  func handles() throws {
    func books() throws -> (FrameMetadataView, UInt64) {
      var allocator = try FrameAllocator(byteCount: Self.byteCount)
      let handle = try allocator.allocateFrame()
      let frame = handle.frame
      _ = handle.intoRaw()
      return (allocator.metadata, frame)
    }
    func handle() throws -> FrameHandle {
      var allocator = try FrameAllocator(byteCount: Self.byteCount)
      return try allocator.allocateFrame(of: .size2MiB)
    }
    func unique() throws -> UniqueFrame {
      var allocator = try FrameAllocator(byteCount: Self.byteCount)
      return try allocator.allocateUniqueFrame()
    }
    let (metadata, frame) = try books()
    #expect(metadata.ownership(of: frame) == .shared(1))
    let large = try handle()
    let second = try large.share()
    #expect(second.frameCount == 512)
    let single = try unique().shared()
    let page = try PageItem<KernelPaging>(
      tracked: single, properties: PageProperties(rights: .read))
    let isTracked = page.isTracked
    #expect(isTracked)
  }

  @Test("A table, a copy of it, its nodes and a processor's root")
  func tables() throws {
    let table = try Self.table()
    #expect(table.translate(linear(0x1234))?.physicalAddress == physical(0x5234))
    let copy = try table.shallowCopy()
    let processor = try table.activate()
    #expect(processor.cr3 == table.rootAddress.rawValue)
    #expect(table.leafCount(of: .size4KiB) == 1)
    #expect(copy.tableMemory.memory.byteCount == Self.byteCount)
    #expect(copy.translate(linear(0x1000)) != nil)
  }

  @Test("A table of early boot")
  func bootTable() throws {
    func table() throws -> BootPageTable {
      let memory = try Self.memory()
      var allocator = try FrameAllocator(byteCount: Self.byteCount)
      var table = try BootPageTable(
        configuration: try PagingConfiguration(), memory: memory.view, allocator: &allocator)
      try table.map(
        linear(0x1000), to: physical(0x5000), properties: PageProperties(rights: .read),
        allocator: &allocator)
      return table
    }
    let table = try table()
    #expect(table.translate(linear(0x1000))?.physicalAddress == physical(0x5000))
  }

  @Test("A node, and a guard that was swapped out of the scope it was lent in")
  func nodes() throws {
    func node() throws -> NodeHandle<NativePaging> {
      let memory = try Self.memory()
      var allocator = try FrameAllocator(byteCount: Self.byteCount)
      let tables = TableMemory<NativePaging>(
        memory: memory.view, metadata: allocator.metadata, paging: try PagingConfiguration(),
        rootTableLevel: .pageMapLevel4)
      return try NodeHandle(level: .pageTable, tables: tables, allocator: &allocator)
    }
    let node = try node()
    var outer = try node.lock()
    func lend() throws {
      let other = try OutlivedOwnerTests.table()
      let root = NodeHandle(owned: other.root, tables: other.tables)
      var inner = try root.lock()
      swap(&inner, &outer)
      _ = root.intoRaw()
    }
    try lend()
    #expect(try outer.word(at: 0) != 0)
    #expect(outer.level == .pageMapLevel4)
  }

  @Test("A private copy of memory, and the copies of copies")
  func copies() throws {
    func copy() throws -> GuestMemory {
      let original = try GuestMemory(byteCount: Self.byteCount, backing: .memoryFile)
      original.view.storeWord(9, at: physical(4096))
      return try original.privateCopy()
    }
    let copy = try copy()
    #expect(copy.view.loadWord(at: physical(4096)) == 9)
  }
}

@Suite("A copy of a file has the bytes that were asked for, whatever becomes of the file")
struct ShortFileTests {
  /// A file without a name of `byteCount` bytes that end with 5.
  static func file(_ byteCount: UInt64) throws -> CInt {
    var name = Array("/tmp/kvmpt-short-XXXXXX\0".utf8CString)
    // SAFETY: the template is a zero-terminated array of this call.
    let descriptor = unsafe mkstemp(&name)
    try #require(descriptor >= 0)
    // SAFETY: as above.
    unsafe unlink(name)
    try #require(ftruncate(descriptor, off_t(byteCount)) == 0)
    var byte: UInt8 = 5
    // SAFETY: one byte of this variable.
    try #require(unsafe pwrite(descriptor, &byte, 1, off_t(byteCount - 1)) == 1)
    return descriptor
  }

  @Test("A file that is too short is refused", arguments: [1, 4095, 4096, 8191] as [UInt64])
  func tooShort(size: UInt64) throws {
    let descriptor = try Self.file(size)
    defer { close(descriptor) }
    #expect(throws: GuestMemoryError.fileTooShort(byteCount: size, needed: 8192)) {
      _ = try GuestMemory(copyOf: descriptor, offset: 0, byteCount: 8192)
    }
    #expect(throws: GuestMemoryError.fileTooShort(byteCount: size, needed: 1 << 40 + 4096)) {
      _ = try GuestMemory(copyOf: descriptor, offset: 1 << 40, byteCount: 4096)
    }
  }

  @Test("A file that is shortened afterwards takes nothing away")
  func shortenedLater() throws {
    let descriptor = try Self.file(1 << 20)
    defer { close(descriptor) }
    let copy = try GuestMemory(copyOf: descriptor, offset: 4096, byteCount: 1 << 20 - 4096)
    try #require(ftruncate(descriptor, 0) == 0)
    let last = physical(1 << 20 - 4096 - 1)
    #expect(copy.view.readBytes(at: last, count: 1) == [5])
    #expect(copy.view.writeBytes([6], at: last))
    try copy.discardChanges()
    #expect(copy.view.readBytes(at: last, count: 1) == [5])
  }

  @Test("What is no file, and offsets that no file has, are refused")
  func noFile() throws {
    for descriptor in [-1, CInt.max] {
      #expect(throws: GuestMemoryError.self) {
        _ = try GuestMemory(copyOf: descriptor, offset: 0, byteCount: 4096)
      }
    }
    let descriptor = try Self.file(4096)
    defer { close(descriptor) }
    for offset in [1, 4095, UInt64.max & ~4095, 1 << 63] {
      #expect(throws: GuestMemoryError.self) {
        _ = try GuestMemory(copyOf: descriptor, offset: offset, byteCount: 4096)
      }
    }
  }

  @Test("Nobody can make a memory file smaller")
  func sealed() throws {
    let memory = try GuestMemory(byteCount: 1 << 20, backing: .memoryFile)
    let file = memory.file
    let descriptor = try #require(file?.fileDescriptor)
    #expect(ftruncate(descriptor, 4096) == -1)
  }
}
