// A shared page table that one thread changes does what one thread's page table does.

import GuestMem
import MMU
import TestSupport
import Testing

@testable import LiveMem

@Suite("A shared page table beside one thread's")
struct SharedTableTests {
  /// The same random operations on both; every answer and the whole translation are compared.
  private func compare<Configuration: SharedPageTableConfiguration>(
    _: Configuration.Type, rootLevel: Level, seed: UInt64, operations: Int
  ) throws where Configuration.Access == HardwareAccess {
    let space = try SharedSpace<Configuration>(frames: 2048, rootLevel: rootLevel)
    let memory = try GuestMemory(byteCount: 2048 * 4096, backing: .anonymous)
    var allocator = try FrameAllocator(byteCount: 2048 * 4096)
    var single = try ConfiguredPageTable<NativePaging>(
      configuration: PagingConfiguration(rootLevel: rootLevel), memory: memory.view,
      allocator: &allocator)
    var random = SeededGenerator(seed: seed)
    // Four places around the ends of tables of several levels.
    let places: [UInt64] = [
      0, 0x4000_0000 - 0x40_0000, 0x80_0000_0000 - 0x20_0000, 0x7fff_ffc0_0000,
    ]
    var refused = 0
    var removed: UInt64 = 0
    for index in 0..<operations {
      let place = places[random.index(below: places.count)]
      let page = random.below(2048)
      let isLarge = random.once(in: 3)
      let start = place + (isLarge ? page / 512 * 512 : page) * 4096
      let length = isLarge ? (1 + random.below(2)) * 0x20_0000 : (1 + random.below(24)) * 4096
      var rights: PageRights = [.read]
      if random.once(in: 2) { rights.insert(.write) }
      if random.once(in: 2) { rights.insert(.execute) }
      let isUser = random.once(in: 2)
      let outcome: (LiveTableError?, PageTableError?, String)
      switch random.below(4) {
      case 0, 1:
        let target = random.below(1 << 20) << 21 | (isLarge ? 0 : page << 12)
        let properties = PageProperties(rights: rights, isUser: isUser)
        let choice: PageSizeChoice = random.once(in: 4) ? .exactly(.size4KiB) : .largest
        outcome = (
          failure { () throws(LiveTableError) in
            try space.table.map(
              linear(start), byteCount: length, to: physical(target), properties: properties,
              pageSizes: choice)
          },
          tableFailure { () throws(PageTableError) in
            try single.map(
              linear(start), byteCount: length, to: physical(target), properties: properties,
              pageSizes: choice, allocator: &allocator)
          }, "map"
        )
      case 2:
        var bytes: UInt64 = 0
        var visited: UInt64 = 0
        var report = UInt64(0)
        outcome = (
          failure { () throws(LiveTableError) in
            bytes =
              try space.table.unmap(linear(start), byteCount: length) { page in
                visited += PageSize(level: page.level)?.byteCount ?? 0
              }.byteCount
          },
          tableFailure { () throws(PageTableError) in
            report =
              try single.unmap(linear(start), byteCount: length, allocator: &allocator)
              .byteCount
          }, "unmap"
        )
        #expect(bytes == report && visited == report, "operation \(index)")
        removed += bytes
      default:
        let change = PropertyChange(rights: rights, isUser: isUser ? true : nil)
        var bytes: UInt64 = 0
        var changed: UInt64 = 0
        outcome = (
          failure { () throws(LiveTableError) in
            bytes = try space.table.protect(linear(start), byteCount: length, change: change)
              .byteCount
          },
          tableFailure { () throws(PageTableError) in
            changed = try single.protect(
              linear(start), byteCount: length, change: change, allocator: &allocator)
          }, "protect"
        )
        #expect(bytes == changed, "operation \(index)")
      }
      if let error = outcome.1 {
        refused += 1
        // The entries name tables in different frames.
        #expect(outcome.0?.id == error.id, "operation \(index), \(outcome.2): \(error)")
      } else {
        #expect(outcome.0 == nil, "operation \(index), \(outcome.2)")
      }
      for _ in 0..<8 {
        let address = linear(place + random.below(2048 * 4096))
        let ours = try space.table.translate(address)
        let theirs = single.translate(address)
        #expect(ours?.entry == theirs?.entry && ours?.level == theirs?.level, "operation \(index)")
        #expect(ours?.physicalAddress == theirs?.physicalAddress, "operation \(index)")
      }
    }
    #expect(refused > operations / 20 && removed > 0)
    #expect(try space.problems() == [])
  }

  private func failure(_ body: () throws(LiveTableError) -> Void) -> LiveTableError? {
    do throws(LiveTableError) {
      try body()
      return nil
    } catch {
      return error
    }
  }

  private func tableFailure(_ body: () throws(PageTableError) -> Void) -> PageTableError? {
    do throws(PageTableError) {
      try body()
      return nil
    } catch {
      return error
    }
  }

  @Test(
    "The same answers, errors and translations", arguments: [Level.pageMapLevel4, .pageMapLevel5])
  func same(_ rootLevel: Level) throws {
    let seed = TestSetting.seed ?? 0x15_0001
    for round in 0..<TestSetting.depth(4, full: 40) {
      try compare(
        SharedPaging.self, rootLevel: rootLevel, seed: seed + UInt64(round), operations: 500)
      try compare(
        ReaderWriterPaging.self, rootLevel: rootLevel, seed: seed + UInt64(round), operations: 500)
      try compare(
        OneLockPaging.self, rootLevel: rootLevel, seed: seed + UInt64(round), operations: 500)
    }
  }

  @Test("An error leaves every word as it was, with every number of free frames")
  func errorsBeforeEffects() throws {
    for frames in 1..<9 as Range<UInt64> {
      let space = try SharedSpace<SharedPaging>(frames: frames)
      let properties = PageProperties(rights: [.read, .write])
      // Needs three tables below the root, or four across the end of one.
      _ = try? space.table.map(
        linear(0x20_0000), byteCount: 0x20_0000, to: physical(0x40_0000), properties: properties)
      let free = space.pool.freeFrameCount
      func refuses(_ body: () throws(LiveTableError) -> Void) throws -> Bool {
        let reachable = space.pool.memory
        let before = try #require(reachable.readWords(at: physical(0), count: Int(frames) * 512))
        guard case .table(.outOfFrames)? = failure(body) else { return false }
        // Frames that were taken and given back are poisoned; tables are as they were.
        var tables: [TableFrame] = []
        space.table.collectTables(space.table.root, level: 4, into: &tables)
        for table in tables {
          let words = try #require(reachable.readWords(at: physical(table.address), count: 512))
          #expect(words[...] == before[Int(table.frame) * 512..<Int(table.frame + 1) * 512])
        }
        return true
      }
      let refused = [
        try refuses { () throws(LiveTableError) in
          try space.table.map(
            linear(0x7fff_e000), byteCount: 0x3000, to: physical(0), properties: properties)
        },
        try refuses { () throws(LiveTableError) in
          try space.table.unmap(linear(0x20_1000), byteCount: 0x1000)
        },
        try refuses { () throws(LiveTableError) in
          try space.table.protect(
            linear(0x20_1000), byteCount: 0x1000, change: PropertyChange(rights: [.read]))
        },
      ]
      #expect(refused.contains(true) || frames > 6, "\(frames) frames, \(free) free")
      #expect(try space.problems() == [])
    }
  }

  @Test(
    "Frames that other changes unlinked are there for the next one, though its thread is pinned")
  func framesComeBack() throws {
    // A root and a way down to one page, and three frames more.
    let space = try SharedSpace<SharedPaging>(frames: 7)
    let read = PageProperties(rights: [.read])
    try space.table.map(linear(0), byteCount: 0x1000, to: physical(0), properties: read)
    for round in 0..<20 as Range<UInt64> {
      // Two tables at level 1 come and go, so that all frames are in limbo soon.
      let place = linear(0x40_0000 + round << 21)
      try space.table.map(
        place, byteCount: 0x20_0000 + 0x1000, to: physical(0x1000), properties: read)
      try space.table.unmap(place, byteCount: 0x40_0000)
    }
    #expect(try space.problems() == [])
  }

  @Test("Everything goes back to the allocator")
  func givesBack() throws {
    let memory = try GuestMemory(byteCount: 64 * 4096, backing: .anonymous)
    var allocator = try FrameAllocator(byteCount: 64 * 4096)
    let pool = try FramePool<HardwareAccess>(
      memory: memory.view, byteCount: 32 * 4096, allocator: &allocator)
    let table = try SharedPageTable<SharedPaging>(paging: PagingConfiguration(), pool: pool)
    try table.map(
      linear(0x1000), byteCount: 0x40_0000, to: physical(0x1000),
      properties: PageProperties(rights: [.read]))
    #expect(throws: FrameAllocationError.self) { try pool.giveBack(to: &allocator) }
    try table.processors.activate(2)
    #expect(throws: FlushTimeout(processors: [2])) { try table.close() }
    try table.processors.deactivate(2)
    try table.close()
    var other = try FrameAllocator(byteCount: 64 * 4096)
    #expect(throws: FrameAllocationError.self) { try pool.giveBack(to: &other) }
    try pool.giveBack(to: &allocator)
    #expect(allocator.freeByteCount == 64 * 4096)
    #expect(pool.take() == nil)
  }

  @Test("What the checks of a range refuse", arguments: [0, 1, 2])
  func refusals(_ kind: Int) throws {
    switch kind {
    case 0: try refuse(SharedPaging.self)
    case 1: try refuse(ReaderWriterPaging.self)
    default: try refuse(OneLockPaging.self)
    }
  }

  private func refuse<Configuration: SharedPageTableConfiguration>(
    _: Configuration.Type
  ) throws where Configuration.Access == HardwareAccess {
    let space = try SharedSpace<Configuration>()
    let table = space.table
    func expect(
      _ error: PageTableError, _ body: () throws(LiveTableError) -> Void,
      at location: SourceLocation = #_sourceLocation
    ) {
      #expect(failure(body) == .table(error), sourceLocation: location)
    }
    let read = PageProperties(rights: [.read])
    expect(.emptyRange(0)) { () throws(LiveTableError) in
      try table.map(linear(0), byteCount: 0, to: physical(0), properties: read)
    }
    expect(.misalignedLinearAddress(1, alignment: 4096)) { () throws(LiveTableError) in
      try table.unmap(linear(1), byteCount: 4096)
    }
    expect(.noRights(0x1000)) { () throws(LiveTableError) in
      try table.map(
        linear(0x1000), byteCount: 4096, to: physical(0), properties: PageProperties(rights: []))
    }
    expect(.misalignedPhysicalAddress(1, alignment: 4096)) { () throws(LiveTableError) in
      try table.map(linear(0), byteCount: 4096, to: physical(1), properties: read)
    }
    // Outside the locked range, on both sides, and across its end.
    _ = try table.withRange(linear(0x10_0000), byteCount: 0x2000) {
      range throws(LiveTableError) in
      expect(.outsideCursor(linearAddress: 0xf_f000, byteCount: 4096)) {
        () throws(LiveTableError) in
        try range.map(linear(0xf_f000), byteCount: 4096, to: physical(0), properties: read)
      }
      expect(.outsideCursor(linearAddress: 0x10_1000, byteCount: 0x2000)) {
        () throws(LiveTableError) in
        try range.unmap(linear(0x10_1000), byteCount: 0x2000)
      }
      expect(.outsideCursor(linearAddress: 0x10_2000, byteCount: 1)) {
        () throws(LiveTableError) in _ = try range.translate(linear(0x10_2000))
      }
      expect(.notCanonical(0x8000_0000_0000)) { () throws(LiveTableError) in
        _ = try range.translate(linear(0x8000_0000_0000))
      }
      try range.map(linear(0x10_0000), byteCount: 4096, to: physical(0x5000), properties: read)
      let mapped = try range.translate(linear(0x10_0123))
      #expect(mapped?.physicalAddress == physical(0x5123))
    }
    #expect(try space.problems() == [])
  }

  @Test("Leaves that own frames are refused")
  func ownedLeaves() throws {
    let memory = try GuestMemory(byteCount: 8 * 4096, backing: .anonymous)
    var allocator = try FrameAllocator(byteCount: 8 * 4096)
    let pool = try FramePool<HardwareAccess>(
      memory: memory.view, byteCount: 8 * 4096, allocator: &allocator)
    #expect(throws: LiveTableError.ownedLeaves) {
      try SharedPageTable<OwningPaging>(paging: PagingConfiguration(), pool: pool)
    }
    #expect(pool.freeFrameCount == 8)
  }
}

/// A kind whose leaves own frames.
private enum OwningPaging: SharedPageTableConfiguration {
  typealias Access = HardwareAccess
  static var indexBitCount: UInt64 { 9 }
  static var ownedSpace: OwnedSpace { .all }
  static var topLevelRemoval: TopLevelRemoval { .allowed }
  static var highestLeafLevel: Level { .pageDirectory }
  static var leafOwnership: LeafOwnership { .trackedWhenSet(softwareBit: 9) }
}
