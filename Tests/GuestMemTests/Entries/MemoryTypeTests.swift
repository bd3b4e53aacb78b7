// Memory types through splits, collapses and changes: what a processor makes of the bytes.

import MMU
import Testing

@testable import GuestMem

/// Tables whose pages are looked at by the model's walk with the IA32_PAT that they need.
struct TypeMachine<Configuration: PageTableConfiguration>: ~Copyable {
  var world: World<Configuration>

  init() throws { world = try World<Configuration>(levels: .pageMapLevel4, frameCount: 64) }

  /// The memory type and the PAT index of an address, as the model reads the bytes.
  func type(at address: UInt64) throws -> (type: UInt8, index: UInt8) {
    let walk = Walk(
      address, cr3: world.table.rootAddress.rawValue, configuration: world.table.paging,
      in: world.memory.view)
    let found = try #require(walk.translation)
    let index = found.patIndex
    return (
      UInt8(truncatingIfNeeded: Configuration.pageAttributeTable >> (8 * UInt64(index))), index
    )
  }

  /// Checks every page of `size` in a range: its type, its size and where it leads.
  func check(
    _ type: MemoryType, _ range: Range<UInt64>, size: PageSize, _ comment: Comment
  ) throws {
    for address in stride(from: range.lowerBound, to: range.upperBound, by: Int(size.byteCount)) {
      let found = try self.type(at: address)
      guard found.type == type.rawValue else {
        Issue.record("\(comment): \(String(address, radix: 16)) has type \(found.type)")
        return
      }
      if Configuration.entryFormat == .ostd {
        // The mark of a small leaf is PAT to a processor: another index, the same type.
        #expect((found.index >= 4) == (size == .size4KiB), comment)
      }
      let mapped = world.table.translate(linear(address))
      let page = try #require(mapped)
      #expect(page.pageSize == size && page.properties.memoryType == type, comment)
      #expect(page.physicalAddress.rawValue == (1 << 30) + address, comment)
    }
    #expect(world.table.contractViolations(allocator: world.allocator) == [], comment)
  }
}

@Suite("A page's memory type is the one that was asked for, whatever its size becomes")
struct MemoryTypeTests {
  static let types: [MemoryType] = [
    .writeBack, .writeThrough, .writeCombining, .uncacheable,
  ]

  @Test("Split to 2 MiB and 4 KiB and collapsed again, native", arguments: MemoryType.allCases)
  func native(type: MemoryType) throws {
    try splitAndCollapse(NativePaging.self, type: type, order: .atOnce)
    try splitAndCollapse(NativePaging.self, type: type, order: .breakBeforeMake)
  }

  @Test("Split to 2 MiB and 4 KiB and collapsed again, OSTD", arguments: types)
  func ostd(type: MemoryType) throws {
    try splitAndCollapse(WideOSTDPaging.self, type: type, order: .atOnce)
    try splitAndCollapse(WideOSTDPaging.self, type: type, order: .breakBeforeMake)
  }

  enum Order { case atOnce, breakBeforeMake }

  func splitAndCollapse<Configuration: PageTableConfiguration>(
    _: Configuration.Type, type: MemoryType, order: Order
  ) throws {
    var machine = try TypeMachine<Configuration>()
    let properties = PageProperties(
      rights: [.read, .execute], isUser: true, isGlobal: true, isAccessed: true,
      memoryType: type, softwareBits: 1 << 4)
    try machine.world.table.map(
      linear(0), byteCount: 1 << 30, to: physical(1 << 30), properties: properties,
      pageSizes: .exactly(.size1GiB), allocator: &machine.world.allocator)
    let whole = machine.world.table.translate(linear(0))?.entry
    try machine.check(type, 0..<1 << 30, size: .size1GiB, "before")
    try change(&machine, .pageDirectoryPointerTable, .split, order)
    try machine.check(type, 0..<1 << 30, size: .size2MiB, "2 MiB")
    try change(&machine, .pageDirectory, .split, order)
    try machine.check(type, 0..<1 << 21, size: .size4KiB, "4 KiB")
    try change(&machine, .pageDirectory, .collapse, order)
    try machine.check(type, 0..<1 << 30, size: .size2MiB, "2 MiB again")
    try change(&machine, .pageDirectoryPointerTable, .collapse, order)
    try machine.check(type, 0..<1 << 30, size: .size1GiB, "1 GiB again")
    #expect(machine.world.table.translate(linear(0))?.entry == whole)
    #expect(machine.world.table.translate(linear(0))?.properties == properties)
  }

  enum Step { case split, collapse }

  func change<Configuration: PageTableConfiguration>(
    _ machine: inout TypeMachine<Configuration>, _ level: Level, _ step: Step, _ order: Order
  ) throws {
    try machine.world.table.withEntry(
      for: linear(0), downTo: level, allocator: &machine.world.allocator
    ) { (entry, allocator) throws(EntryError) in
      switch (step, order) {
      case (.split, .atOnce): _ = try entry.splitIfLarge(allocator: &allocator)
      case (.split, .breakBeforeMake):
        _ = try entry.splitIfLarge(allocator: &allocator, breakBeforeMake: {})
      case (.collapse, .atOnce): _ = try entry.collapse(allocator: &allocator)
      case (.collapse, .breakBeforeMake):
        _ = try entry.collapse(allocator: &allocator, breakBeforeMake: {})
      }
    }
  }

  @Test("Every type becomes every other at every size", arguments: PageSize.allCases)
  func everyChange(size: PageSize) throws {
    try everyChange(NativePaging.self, size: size, types: MemoryType.allCases)
    try everyChange(WideOSTDPaging.self, size: size, types: Self.types)
  }

  func everyChange<Configuration: PageTableConfiguration>(
    _: Configuration.Type, size: PageSize, types: [MemoryType]
  ) throws {
    var machine = try TypeMachine<Configuration>()
    let range = 0..<size.byteCount
    for old in types {
      for new in types {
        for way in 0..<4 {
          try machine.world.table.map(
            linear(0), byteCount: size.byteCount, to: physical(1 << 30),
            properties: PageProperties(rights: .read, memoryType: old),
            pageSizes: .exactly(size), allocator: &machine.world.allocator)
          try machine.check(old, range, size: size, "\(old)")
          try change(&machine, size, to: new, way: way)
          try machine.check(new, range, size: size, "\(old) to \(new) in way \(way)")
          try machine.world.table.unmap(
            linear(0), byteCount: size.byteCount, allocator: &machine.world.allocator)
        }
      }
    }
  }

  /// The four operations that change a leaf's properties.
  func change<Configuration: PageTableConfiguration>(
    _ machine: inout TypeMachine<Configuration>, _ size: PageSize, to type: MemoryType, way: Int
  ) throws {
    switch way {
    case 0, 1:
      machine.world.table.liveness = way == 0 ? .live : .offline
      try machine.world.table.protect(
        linear(0), byteCount: size.byteCount, change: PropertyChange(memoryType: type),
        allocator: &machine.world.allocator)
      machine.world.table.liveness = .live
    case 2:
      _ = try machine.world.table.withEntry(
        for: linear(0), downTo: size.level, allocator: &machine.world.allocator
      ) { (entry, _) throws(EntryError) in
        try entry.protect { (old) throws(EntryError) in
          var new = old
          new.memoryType = type
          return new
        }
      }
    default:
      try machine.world.table.withCursor(
        linear(0), byteCount: size.byteCount, allocator: &machine.world.allocator
      ) { (cursor, allocator) throws(PageTableError) in
        _ = try cursor.protectNext(byteCount: size.byteCount, allocator: &allocator) {
          (old) throws(PageTableError) in
          var new = old
          new.memoryType = type
          return new
        }
      }
    }
  }
}
