// A guest that writes random words into its tables between any two operations, and inside of them.

import MMU
import TestSupport
import Testing

@testable import GuestMem

/// A table, and a guest that writes to it.
struct ScribblingEnemy<Configuration: PageTableConfiguration>: ~Copyable {
  let memory: GuestMemory
  var allocator: FrameAllocator
  var table: ConfiguredPageTable<Configuration>
  var generator: SeededGenerator
  var successCount = 0

  init(levels: Level, frameCount: UInt64, seed: UInt64) throws {
    let memory = try GuestMemory(byteCount: frameCount * 4096, backing: .anonymous)
    // Fewer frames with metadata than there is memory.
    var allocator = try FrameAllocator(byteCount: (frameCount - frameCount / 4) * 4096)
    let table = try ConfiguredPageTable<Configuration>(
      configuration: try testPaging(levels: levels), memory: memory.view, allocator: &allocator)
    self.memory = memory
    self.allocator = allocator
    self.table = table
    generator = SeededGenerator(seed: seed)
  }

  /// Writes a few words that look like entries, most of them into tables.
  mutating func scribble() {
    for _ in 0..<generator.index(below: 6) {
      let frames = UInt64(memory.byteCount >> 12)
      let frame = UInt64(generator.index(below: Int(frames)))
      let target = UInt64(generator.index(below: Int(frames + 4))) << 12
      let word =
        switch generator.index(below: 6) {
        case 0: UInt64(0)
        case 1: generator.next()
        case 2: target | UInt64(generator.index(below: 0x200))
        case 3: target | generator.next() & (1 << 52 | 1 << 58 | 1 << 63) | 0x87
        default: target | 7
        }
      // The first entries decide what operations below go through.
      let index = UInt64(generator.index(below: generator.index(below: 2) == 0 ? 4 : 512))
      memory.view.storeWord(word, at: physical(frame << 12 | index << 3))
    }
  }

  mutating func address() -> LinearAddress {
    let shifts: [UInt64] = [12, 12, 12, 21, 30, 39, 48]
    let offset = UInt64(generator.index(below: 4)) << shifts[generator.index(below: shifts.count)]
    return linear(generator.index(below: 3) == 0 ? 0 &- 4096 &- offset : offset)
  }

  mutating func byteCount() -> UInt64 {
    let shifts: [UInt64] = [12, 12, 12, 21, 30, 39, 47, 56]
    return UInt64(1 + generator.index(below: 3)) << shifts[generator.index(below: shifts.count)]
  }

  mutating func step() {
    let address = address()
    let byteCount = byteCount()
    let properties = PageProperties(
      rights: PageRights(rawValue: UInt8(1 + generator.index(below: 7))),
      isUser: generator.index(below: 2) == 0)
    let target = physical(UInt64(generator.index(below: 64)) << 12)
    let kind = generator.index(below: 14)
    do {
      switch kind {
      case 0, 1, 2:
        try table.map(
          address, byteCount: kind == 0 ? byteCount : 4096, to: target, properties: properties,
          allocator: &allocator)
      case 3:
        try table.unmap(address, byteCount: byteCount, allocator: &allocator)
      case 4:
        try table.protect(
          address, byteCount: byteCount, properties: properties, allocator: &allocator)
      case 5:
        _ = table.translate(address)
        _ = try table.readBytes(at: address, count: 8192)
        table.liveness = generator.index(below: 2) == 0 ? .live : .offline
      case 6:
        try table.cloneCopyOnWrite(markingWith: 0, allocator: &allocator)
          .destroy(allocator: &allocator)
      case 7, 8:
        try entry(address, properties, target)
      case 9:
        _ = try allocator.allocateFrame()
      default:
        try cursor(address, byteCount, properties, target)
      }
      successCount += 1
    } catch {}
  }

  mutating func entry(
    _ address: LinearAddress, _ properties: PageProperties, _ target: GuestPhysicalAddress
  ) throws {
    let level = Level.allCases[generator.index(below: 5)]
    let choice = generator.index(below: 6)
    let isScribbling = generator.index(below: 2) == 0
    let place = physical(UInt64(generator.index(below: Int(memory.byteCount / 8))) * 8)
    let word = generator.next()
    let view = memory.view
    try table.withEntry(for: address, downTo: level, allocator: &allocator) {
      (entry, allocator) throws(EntryError) in
      if isScribbling {
        view.storeWord(word, at: physical(entry.table.address | UInt64(entry.index) << 3))
        view.storeWord(word, at: place)
      }
      switch choice {
      case 0: _ = try entry.allocateIfNone(allocator: &allocator)
      case 1: _ = try entry.splitIfLarge(allocator: &allocator)
      case 2: _ = try entry.splitIfLarge(allocator: &allocator, breakBeforeMake: {})
      case 3: _ = try entry.collapse(allocator: &allocator)
      case 4: _ = try entry.protect { (_) throws(EntryError) in properties }
      default:
        var child = Child<Configuration>.page(
          PageItem(untracked: target, level: entry.level, properties: properties))
        try entry.replace(with: &child)
      }
    }
  }

  mutating func cursor(
    _ address: LinearAddress, _ byteCount: UInt64, _ properties: PageProperties,
    _ target: GuestPhysicalAddress
  ) throws {
    let prepared = try table.prepare(properties)
    let choices = (0..<6).map { _ in generator.index(below: 9) }
    var enemy = SeededGenerator(seed: generator.next())
    let view = memory.view
    let wordCount = Int(memory.byteCount / 8)
    let minimum = Level.allCases[generator.index(below: 3)]
    try table.withCursor(
      address, byteCount: byteCount, minimumLevel: minimum, allocator: &allocator
    ) { (cursor, allocator) throws(PageTableError) in
      for choice in choices {
        if enemy.index(below: 2) == 0 {
          view.storeWord(
            UInt64(enemy.index(below: wordCount)) * 8 & ~4095 | 7,
            at: physical(UInt64(enemy.index(below: wordCount)) * 8))
        }
        let rest = cursor.remainingByteCount
        let part = enemy.index(below: 2) == 0 ? rest : min(rest, 8192)
        switch choice {
        case 0: _ = try cursor.query()
        case 1: _ = try cursor.findNext(byteCount: part, allocator: &allocator)
        case 2: _ = try cursor.takeNext(byteCount: part, allocator: &allocator)
        case 3: try cursor.jump(to: address, allocator: &allocator)
        case 4: try cursor.unmap(byteCount: part, allocator: &allocator)
        case 5:
          try cursor.protect(
            byteCount: part, change: PropertyChange(rights: .read), allocator: &allocator)
        case 6:
          _ = try cursor.protectNext(byteCount: part, allocator: &allocator) {
            (_) throws(PageTableError) in properties
          }
        case 7:
          var child = Child<Configuration>.page(
            PageItem(untracked: target, level: .pageTable, properties: properties))
          try cursor.remap(&child, allocator: &allocator)
        default:
          for _ in 0..<3 { try cursor.map4KiB(to: target, prepared, allocator: &allocator) }
        }
      }
    }
  }

  /// True when what the allocator gives out is inside memory and given out once.
  mutating func isAllocatorSound() -> Bool {
    var frames: Set<UInt64> = []
    while let frame = try? allocator.allocate().rawValue >> 12 {
      guard frame < allocator.byteCount >> 12, frames.insert(frame).inserted else { return false }
    }
    return allocator.freeByteCount == 0
  }
}

@Suite("A guest that scribbles into its tables stops nobody")
struct ScribblingEnemyTests {
  func scribble<Configuration: PageTableConfiguration>(
    _: Configuration.Type, levels: Level, seed: UInt64
  ) throws -> Int {
    var successCount = 0
    for round in 0..<TestSetting.depth(10, full: 40) as Range<UInt64> {
      // Small memories, of sizes that are no powers of 2.
      var enemy = try ScribblingEnemy<Configuration>(
        levels: levels, frameCount: 12 + round * 7, seed: seed &+ round)
      for _ in 0..<150 {
        enemy.scribble()
        enemy.step()
      }
      _ = enemy.table.contractViolations(allocator: enemy.allocator)
      _ = AccessedDirtySnapshot(of: enemy.table.root, in: enemy.table.tableMemory)
      _ = (enemy.table.tableCount, enemy.table.leafCount(of: .size2MiB))
      successCount += enemy.successCount
      let isSound = enemy.isAllocatorSound()
      #expect(isSound, "seed \(seed &+ round)")
    }
    return successCount
  }

  @Test(
    "No operation crashes or hangs, and no frame is given out twice or outside of memory",
    arguments: [Level.pageMapLevel4, .pageMapLevel5])
  func everyKind(levels: Level) throws {
    let seed = TestSetting.seed ?? 2026
    var successCount = 0
    successCount += try scribble(NativePaging.self, levels: levels, seed: seed)
    successCount += try scribble(UserPaging.self, levels: levels, seed: seed)
    successCount += try scribble(KernelPaging.self, levels: levels, seed: seed)
    successCount += try scribble(OSTDUserPaging.self, levels: levels, seed: seed)
    successCount += try scribble(Fair<NativePaging>.self, levels: levels, seed: seed)
    // Most of what is asked of such tables has to be refused; not all of it may be.
    #expect(successCount > TestSetting.depth(500, full: 3000))
  }
}
