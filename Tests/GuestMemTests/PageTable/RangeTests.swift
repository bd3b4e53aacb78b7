// What map, unmap and protect do to translations, and what an error leaves behind.

import GuestMem
import MMU
import Testing

@Suite("A mapped range translates page by page")
struct MapTests {
  @Test(
    "Every property survives at every page size and number of levels",
    arguments: PageSize.allCases, [Level.pageMapLevel4, .pageMapLevel5])
  func propertiesSurvive(size: PageSize, levels: Level) throws {
    var machine = try TestMachine(levels: levels)
    for properties in everyProperty {
      let address = linear(0xffff_8000_0000_0000)
      try machine.table.map(
        address, byteCount: size.byteCount, to: physical(size.byteCount * 5),
        properties: properties, pageSizes: .exactly(size), allocator: &machine.allocator)
      let last = linear(address.rawValue + size.byteCount - 1)
      let found = try machine.translation(last.rawValue)
      #expect(found.physicalAddress.rawValue == size.byteCount * 6 - 1)
      #expect(found.pageSize == size)
      #expect(found.properties == properties)
      let report = try machine.table.unmap(
        address, byteCount: size.byteCount, allocator: &machine.allocator)
      #expect(report.byteCount == size.byteCount)
      #expect(machine.table.tableCount == 1)
    }
  }

  @Test("The largest pages that fit are chosen")
  func largestPages() throws {
    var machine = try TestMachine()
    let start: UInt64 = 0x3fdf_f000
    let byteCount: UInt64 = 0x4020_1000 + 0x4000_0000
    try machine.table.map(
      linear(start), byteCount: byteCount, to: physical(0x1_0000_0000 + start),
      properties: PageProperties(rights: .read), allocator: &machine.allocator)
    #expect(machine.table.leafCount(of: .size4KiB) == 1)
    #expect(machine.table.leafCount(of: .size2MiB) == 1)
    #expect(machine.table.leafCount(of: .size1GiB) == 2)
    for offset in stride(from: 0, to: byteCount, by: 0x1f_f000) {
      let found = try machine.translation(start + offset)
      #expect(found.physicalAddress.rawValue == 0x1_0000_0000 + start + offset)
    }
    #expect(machine.table.translate(linear(start - 1)) == nil)
    #expect(machine.table.translate(linear(start + byteCount)) == nil)
  }

  @Test(
    "The last page of each canonical half can be mapped and the next byte cannot",
    arguments: [Level.pageMapLevel4, .pageMapLevel5])
  func edges(levels: Level) throws {
    var machine = try TestMachine(levels: levels)
    let half: UInt64 = levels == .pageMapLevel4 ? 1 << 47 : 1 << 56
    let properties = PageProperties(rights: [.read, .write])
    for end in [half, 0] {
      let last = linear(end &- 4096)
      try machine.table.map(
        last, byteCount: 4096, to: physical(0x5000), properties: properties,
        allocator: &machine.allocator)
      let found = try machine.translation(end &- 1)
      #expect(found.physicalAddress.rawValue == 0x5fff)
      #expect(throws: PageTableError.rangeNotCanonical(start: last.rawValue, byteCount: 8192)) {
        try machine.table.unmap(last, byteCount: 8192, allocator: &machine.allocator)
      }
      #expect(throws: PageTableError.self) {
        try machine.table.unmap(last, byteCount: 0 &- 4096, allocator: &machine.allocator)
      }
    }
    #expect(machine.table.leafCount(of: .size4KiB) == 2)
    if levels == .pageMapLevel4 {
      #expect(throws: PageTableError.notCanonical(half)) {
        try machine.table.unmap(linear(half), byteCount: 4096, allocator: &machine.allocator)
      }
    }
  }

  @Test("A terabyte costs only its tables")
  func terabyte() throws {
    var machine = try TestMachine()
    try machine.table.map(
      linear(0), byteCount: 1 << 40, to: physical(0), properties: PageProperties(rights: .read),
      allocator: &machine.allocator)
    #expect(machine.table.tableCount == 3)
    #expect(machine.table.leafCount(of: .size1GiB) == 1024)
    let report = try machine.table.unmap(
      linear(0x1000), byteCount: (1 << 40) - 0x1000, allocator: &machine.allocator)
    #expect(report.byteCount == (1 << 40) - 0x1000)
    #expect(machine.table.leafCount(of: .size4KiB) == 1)
    #expect(machine.table.translate(linear(0xfff))?.physicalAddress == physical(0xfff))
    #expect(machine.table.translate(linear(0x1000)) == nil)
    try machine.table.unmap(linear(0), byteCount: 4096, allocator: &machine.allocator)
    #expect(machine.table.tableCount == 1)
    #expect(machine.allocator.freeByteCount == (16 << 20) - 4096)
  }

  @Test("Entries above become user entries exactly when a user page comes below them")
  func userLinks() throws {
    var machine = try TestMachine()
    func rootEntry(_ machine: borrowing TestMachine) -> UInt64 {
      machine.memory.view.loadWord(at: machine.table.rootAddress) ?? 0
    }
    try machine.table.map(
      linear(0), byteCount: 4096, to: physical(0), properties: PageProperties(rights: .read),
      allocator: &machine.allocator)
    #expect(rootEntry(machine) & 7 == 3)
    try machine.table.map(
      linear(4096), byteCount: 4096, to: physical(0),
      properties: PageProperties(rights: .read, isUser: true), allocator: &machine.allocator)
    #expect(rootEntry(machine) & 7 == 7)
  }
}

@Suite("Part of a large page can change")
struct SplitTests {
  @Test(
    "Unmapping one 4 KiB page of a large one keeps the rest",
    arguments: [PageSize.size2MiB, .size1GiB], MemoryType.allCases)
  func unmapInside(size: PageSize, type: MemoryType) throws {
    var machine = try TestMachine()
    let properties = PageProperties(
      rights: [.read, .execute], isUser: true, isDirty: true, memoryType: type,
      softwareBits: 0x2a5)
    try machine.table.map(
      linear(0), byteCount: size.byteCount, to: physical(size.byteCount),
      properties: properties, pageSizes: .exactly(size), allocator: &machine.allocator)
    let hole: UInt64 = 0x7000
    let report = try machine.table.unmap(
      linear(hole), byteCount: 4096, allocator: &machine.allocator)
    #expect(report.byteCount == 4096)
    for address in stride(from: 0, to: size.byteCount, by: size == .size2MiB ? 4096 : 0x1f_f000) {
      let found = machine.table.translate(linear(address))
      guard address != hole else {
        #expect(found == nil)
        continue
      }
      #expect(found?.physicalAddress.rawValue == size.byteCount + address)
      #expect(found?.properties == properties)
    }
  }

  @Test("Protecting the middle of a 1 GiB page changes that and nothing else")
  func protectInside() throws {
    var machine = try TestMachine()
    try machine.table.map(
      linear(0), byteCount: 1 << 30, to: physical(0),
      properties: PageProperties(rights: [.read, .write], memoryType: .writeCombining),
      allocator: &machine.allocator)
    let range: Range<UInt64> = 0x3f_f000..<0x80_1000
    let byteCount = try machine.table.protect(
      linear(range.lowerBound), byteCount: 0x40_2000,
      change: PropertyChange(rights: .read, isUser: true), allocator: &machine.allocator)
    #expect(byteCount == 0x40_2000)
    for address in stride(from: 0, to: 1 << 30, by: 4096) as StrideTo<UInt64>
    where address < 0xc0_0000 || address & 0xff_ffff == 0 {
      let found = try machine.translation(address)
      let isInside = range.contains(address)
      #expect(found.physicalAddress.rawValue == address)
      #expect(found.properties.rights == (isInside ? .read : [.read, .write]))
      #expect(found.properties.isUser == isInside)
      #expect(found.properties.memoryType == .writeCombining)
    }
    #expect(machine.table.leafCount(of: .size2MiB) == 512 - 3 + 1)
    #expect(machine.table.leafCount(of: .size4KiB) == 1024)
  }

  @Test("A page without rights keeps its place and gets its rights back")
  func withoutRights() throws {
    var machine = try TestMachine()
    let properties = PageProperties(rights: [.read, .write], isUser: true, isGlobal: true)
    for size in PageSize.allCases {
      try machine.table.map(
        linear(1 << 40), byteCount: size.byteCount, to: physical(1 << 30),
        properties: properties, pageSizes: .exactly(size), allocator: &machine.allocator)
      try machine.table.protect(
        linear(1 << 40), byteCount: size.byteCount, change: PropertyChange(rights: []),
        allocator: &machine.allocator)
      let found = try machine.translation(1 << 40)
      #expect(found.entry & 1 == 0)
      #expect(found.properties.rights == [])
      try machine.table.protect(
        linear(1 << 40), byteCount: size.byteCount,
        change: PropertyChange(rights: [.read, .write]), allocator: &machine.allocator)
      #expect(machine.table.translate(linear(1 << 40))?.properties == properties)
      #expect(machine.table.leafCount(of: size) == 1)
      try machine.table.unmap(
        linear(1 << 40), byteCount: size.byteCount, allocator: &machine.allocator)
    }
  }
}

@Suite("A refused operation changes nothing")
struct RefusalTests {
  /// Runs `operation` on a table with a few mappings and expects `error` and unchanged bytes.
  func refuse(
    _ error: PageTableError, isNoExecuteEnabled: Bool = true, supports1GiBPages: Bool = true,
    byteCount: UInt64 = 1 << 20, draining: Bool = false,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ operation: (inout PageTable, inout FrameAllocator) throws -> Void
  ) throws {
    var machine = try TestMachine(
      byteCount: byteCount, isNoExecuteEnabled: isNoExecuteEnabled,
      supports1GiBPages: supports1GiBPages)
    let all = PageProperties(rights: [.read, .execute])
    try machine.table.map(
      linear(0x1000), byteCount: 0x2000, to: physical(0), properties: all,
      allocator: &machine.allocator)
    try machine.table.map(
      linear(0x4000_0000), byteCount: 0x20_0000, to: physical(0), properties: all,
      allocator: &machine.allocator)
    if draining {
      _ = try machine.allocator.allocate(byteCount: machine.allocator.freeByteCount)
    }
    let before = machine.bytes
    let free = machine.allocator.freeByteCount
    do {
      try operation(&machine.table, &machine.allocator)
      Issue.record("nothing was thrown", sourceLocation: sourceLocation)
    } catch let thrown as PageTableError {
      #expect(thrown == error, sourceLocation: sourceLocation)
      #expect(!thrown.id.isEmpty && !thrown.message.isEmpty && !thrown.hint.isEmpty)
    }
    // Compared outside, or a failure would print all of memory.
    let isUnchanged = machine.bytes == before
    #expect(isUnchanged, sourceLocation: sourceLocation)
    #expect(machine.allocator.freeByteCount == free, sourceLocation: sourceLocation)
  }

  /// A map of one page with everything right.
  func map(
    _ table: inout PageTable, _ allocator: inout FrameAllocator, at address: UInt64 = 0x10_0000,
    byteCount: UInt64 = 0x1000, to target: UInt64 = 0x1000,
    properties: PageProperties = PageProperties(rights: [.read, .execute]),
    pageSizes: PageSizeChoice = .largest
  ) throws {
    try table.map(
      linear(address), byteCount: byteCount, to: physical(target), properties: properties,
      pageSizes: pageSizes, allocator: &allocator)
  }

  @Test("Wrong ranges")
  func ranges() throws {
    try refuse(.emptyRange(0x10_0000)) { try map(&$0, &$1, byteCount: 0) }
    try refuse(.misalignedLinearAddress(0x10_0008, alignment: 4096)) {
      try map(&$0, &$1, at: 0x10_0008)
    }
    try refuse(.misalignedByteCount(0x1001, alignment: 4096)) {
      try map(&$0, &$1, byteCount: 0x1001)
    }
    try refuse(.misalignedPhysicalAddress(0x1001, alignment: 4096)) {
      try map(&$0, &$1, to: 0x1001)
    }
    try refuse(.misalignedLinearAddress(0x10_0000, alignment: 0x20_0000)) {
      try map(&$0, &$1, byteCount: 0x20_0000, to: 0, pageSizes: .exactly(.size2MiB))
    }
    try refuse(.misalignedPhysicalAddress(0x1000, alignment: 0x20_0000)) {
      try map(&$0, &$1, at: 0x20_0000, byteCount: 0x20_0000, pageSizes: .exactly(.size2MiB))
    }
    try refuse(.misalignedByteCount(0x1000, alignment: 0x20_0000)) {
      try map(&$0, &$1, at: 0x20_0000, to: 0, pageSizes: .exactly(.size2MiB))
    }
    try refuse(.notCanonical(1 << 50)) { try map(&$0, &$1, at: 1 << 50) }
    try refuse(.physicalAddressTooWide(1 << 46, byteCount: 4096, width: 46)) {
      try map(&$0, &$1, to: 1 << 46)
    }
    try refuse(.physicalAddressTooWide((1 << 46) - 4096, byteCount: 8192, width: 46)) {
      try map(&$0, &$1, byteCount: 8192, to: (1 << 46) - 4096)
    }
  }

  @Test("Wrong properties")
  func properties() throws {
    try refuse(.noRights(0x10_0000)) {
      try map(&$0, &$1, properties: PageProperties(rights: []))
    }
    try refuse(.unreadable(.write)) {
      try map(&$0, &$1, properties: PageProperties(rights: .write))
    }
    try refuse(.protectionKeyTooLarge(16)) {
      try map(&$0, &$1, properties: PageProperties(rights: .read, protectionKey: 16))
    }
    try refuse(.softwareBitsTooWide(0x400)) {
      try map(&$0, &$1, properties: PageProperties(rights: .read, softwareBits: 0x400))
    }
    try refuse(.noExecuteUnavailable, isNoExecuteEnabled: false) {
      try map(&$0, &$1, properties: PageProperties(rights: .read))
    }
    try refuse(.noExecuteUnavailable, isNoExecuteEnabled: false) {
      try $0.protect(
        linear(0x1000), byteCount: 4096, change: PropertyChange(rights: .read), allocator: &$1)
    }
    try refuse(.pageSizeUnsupported(.size1GiB), supports1GiBPages: false) {
      try map(&$0, &$1, at: 0, byteCount: 1 << 30, to: 0, pageSizes: .exactly(.size1GiB))
    }
  }

  @Test("Something is mapped already")
  func overlaps() throws {
    try refuse(.alreadyMapped(linearAddress: 0x2000, level: .pageTable, entry: 0x1001)) {
      try map(&$0, &$1, at: 0x2000)
    }
    try refuse(.alreadyMapped(linearAddress: 0x1000, level: .pageTable, entry: 0x1)) {
      try map(&$0, &$1, at: 0, byteCount: 0x20_0000, to: 0)
    }
    try refuse(.alreadyMapped(linearAddress: 0x4010_0000, level: .pageDirectory, entry: 0x81)) {
      try map(&$0, &$1, at: 0x4010_0000)
    }
  }

  @Test("No frames are left for tables")
  func exhaustion() throws {
    try refuse(.outOfFrames(needed: 3, available: 0), draining: true) {
      try map(&$0, &$1, at: 1 << 40)
    }
    try refuse(.outOfFrames(needed: 1, available: 0), draining: true) {
      try $0.unmap(linear(0x4000_1000), byteCount: 4096, allocator: &$1)
    }
    try refuse(.outOfFrames(needed: 1, available: 0), draining: true) {
      try $0.protect(
        linear(0x4000_1000), byteCount: 4096, change: PropertyChange(isUser: true),
        allocator: &$1)
    }
  }

  @Test("The allocator belongs to other memory")
  func foreignAllocator() throws {
    try refuse(.foreignAllocator) { table, _ in
      var other = try FrameAllocator(byteCount: 1 << 20)
      try map(&table, &other)
    }
  }

  @Test("A root at any level maps ranges in every size", arguments: Level.allCases)
  func rootLevels(level: Level) throws {
    let memory = try GuestMemory(byteCount: 16 << 20, backing: .anonymous)
    var allocator = try FrameAllocator(byteCount: memory.byteCount)
    var table = try PageTable(
      configuration: testPaging(levels: .pageMapLevel5), rootLevel: level, memory: memory.view,
      allocator: &allocator)
    let choices: [PageSizeChoice] =
      [.largest] + PageSize.allCases.map { PageSizeChoice.exactly($0) }
    for byteCount in [4096, 8192, 1 << 20, 1 << 21, 1 << 30] as [UInt64] {
      for choice in choices {
        do throws(PageTableError) {
          try table.map(
            linear(0), byteCount: byteCount, to: physical(0),
            properties: PageProperties(rights: .read), pageSizes: choice, allocator: &allocator)
        } catch {
          #expect(table.translate(linear(0)) == nil)
          continue
        }
        #expect(table.translate(linear(byteCount - 1))?.physicalAddress == physical(byteCount - 1))
        #expect(table.contractViolations(allocator: allocator) == [])
        #expect(
          try table.unmap(linear(0), byteCount: byteCount, allocator: &allocator).byteCount
            == byteCount)
      }
    }
    #expect(table.tableCount == 1)
  }
}
