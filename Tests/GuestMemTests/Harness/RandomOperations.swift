// RandomOperations: operations at full scope, drawn from a seed.

import MMU
import TestSupport

@testable import GuestMem

/// Draws operations near the borders of pages, tables and halves.
struct RandomOperations {
  var generator: SeededGenerator
  let levels: Level
  let format: EntryFormat
  let properties: [PageProperties]
  let memoryTypes: [MemoryType]

  init(seed: UInt64, levels: Level, format: EntryFormat = .native) {
    generator = SeededGenerator(seed: seed)
    self.levels = levels
    self.format = format
    let properties = format == .native ? everyProperty : everyOSTDProperty
    self.properties = properties
    memoryTypes = MemoryType.allCases.filter { type in
      properties.contains { $0.memoryType == type }
    }
  }

  mutating func below(_ bound: UInt64) -> UInt64 { generator.next() % bound }

  /// A page number in one of a few regions, so that operations meet.
  mutating func page() -> UInt64 {
    let width: UInt64 = levels == .pageMapLevel5 ? 45 : 36
    let regions: [UInt64] = [
      0, (1 << (width - 1)) - (1 << 18), 1 << (width - 1), (1 << width) - (1 << 18), 1 << 27,
    ]
    let region = regions[Int(below(5))]
    switch below(4) {
    case 0: return region + below(1 << 18)
    case 1: return region + below(1 << 9) << 9
    case 2: return region + below(1 << 9) << 9 + below(3)
    default: return region + below(1024)
    }
  }

  mutating func count() -> UInt64 {
    switch below(8) {
    case 0: 1 << 18
    case 1: below(4) << 9 + 1
    case 2: 512
    case 3: below(2048) + 1
    default: below(6) + 1
    }
  }

  mutating func someProperties() -> PageProperties {
    properties[Int(below(UInt64(properties.count)))]
  }

  mutating func change() -> PropertyChange {
    switch below(5) {
    case 0: PropertyChange(rights: [])
    case 1: PropertyChange(rights: .read, isUser: true)
    case 2: PropertyChange(memoryType: memoryTypes[Int(below(UInt64(memoryTypes.count)))])
    case 3: PropertyChange(isAccessed: false, isDirty: false)
    default:
      format == .native
        ? PropertyChange(rights: [.read, .write], protectionKey: UInt8(below(16)))
        : PropertyChange(rights: [.read, .write], softwareBits: UInt16(below(4)) << 3)
    }
  }

  /// An operation whose expectation needs no look at the tables.
  mutating func light() -> Operation {
    let page = page()
    let count = count()
    // Long ranges get an equally aligned target, or they would be hundreds of thousands of pages.
    let target = below(2) == 0 || count > 2048 ? page & 0x3ffff : below(1 << 20)
    switch below(12) {
    case 0, 1: return .map(page, count, to: target, someProperties(), .largest)
    case 2:
      let size = PageSize.allCases[Int(below(3))]
      let mask = size.byteCount >> 12 - 1
      return .map(page & ~mask, mask + 1, to: target & ~mask, someProperties(), .exactly(size))
    case 3: return .unmap(page, count)
    case 4: return .protect(page, count, change())
    case 5: return .take(page, count)
    case 6: return .protectNext(page, count, someProperties())
    case 7: return .find(page, count)
    case 8: return .cursorUnmap(page, count)
    case 9: return .cursorProtect(page, count, change())
    case 10: return .cursorMapRange(page, count, to: target, someProperties(), .largest)
    default: return .hardware(page, below(2) == 0 ? 0x20 : 0x60)
    }
  }

  /// An operation on one entry.
  mutating func entry() -> Operation {
    let level = Level(rawValue: UInt8(below(3) + 1)) ?? .pageTable
    let page = page() & ~(level.span >> 12 - 1)
    switch below(7) {
    case 0: return .split(page, level)
    case 1: return .collapse(page, level)
    case 2: return .allocate(page, level)
    case 3: return .replace(page, level, with: nil, someProperties())
    case 4: return .replace(page, level, with: page & 0x3ffff, someProperties())
    case 5: return .cursorMap(page, level, to: page & 0x3ffff, someProperties())
    default: return .remap(page, level, to: page & 0x3ffff, someProperties())
    }
  }
}

/// Runs operations from a seed; answers the failing sequence and what failed, or nil.
func runRandom<Configuration: PageTableConfiguration>(
  _: Configuration.Type, seed: UInt64, levels: Level, count: Int,
  atEnd body: (borrowing World<Configuration>) -> Void = { _ in }
) throws -> (operations: [Operation], message: String)? {
  var random = RandomOperations(
    seed: seed, levels: levels, format: Configuration.entryFormat)
  var performed: [Operation] = []
  var world = try World<Configuration>(levels: levels, frameCount: 4096)
  for number in 0..<count {
    let operation = number % 1024 == 1023 ? random.entry() : random.light()
    let probe = random.page() << 12
    performed.append(operation)
    world.table.liveness = number & 64 == 0 ? .live : .offline
    if let message = apply(operation, number: number, probe: probe, to: &world) {
      return (performed, message)
    }
    if world.model.leaves.count > 150 {
      // Everything goes, so that the lists stay short.
      for half in [0, 1 << (world.table.tables.addressWidth - 13)] as [UInt64] {
        let clear = Operation.unmap(half, 1 << (world.table.tables.addressWidth - 13))
        performed.append(clear)
        if let message = apply(clear, number: 0, probe: 0, to: &world) {
          return (performed, message)
        }
      }
      world.allocator.collectReturned()
      guard world.allocator.freeFrames == 4095 else { return (performed, "frames were lost") }
    }
  }
  body(world)
  return nil
}

/// One operation: in full every so often and for entries, lightly otherwise.
func apply<Configuration: PageTableConfiguration>(
  _ operation: Operation, number: Int, probe: UInt64, to world: inout World<Configuration>
) -> String? {
  switch operation {
  case .split, .collapse, .allocate, .replace, .cursorMap, .remap:
    if let message = world.step(operation, before: world.image) { return message }
    // Empty tables would be in the way of light steps.
    let empty = world.image.emptyTables
    for table in empty {
      let span = world.model.span(table.level + 1)
      if let message = world.lightStep(
        .unmap(table.position >> 12, span >> 12), probe: probe)
      {
        return message
      }
    }
    return nil
  default:
    if number % 1024 == 0 { return world.step(operation, before: world.image) }
    return world.lightStep(operation, probe: probe)
  }
}

/// The fewest operations found that still fail.
func shrink<Configuration: PageTableConfiguration>(
  _: Configuration.Type, _ operations: [Operation], levels: Level
) throws -> [Operation] {
  func fails(_ candidate: [Operation]) throws -> Bool {
    var world = try World<Configuration>(levels: levels, frameCount: 4096)
    for operation in candidate {
      if world.step(operation, before: world.image) != nil { return true }
    }
    return false
  }
  var current = operations
  guard try fails(current) else { return current }
  var chunk = max(1, current.count / 2)
  while true {
    var start = 0
    while start < current.count {
      let end = min(current.count, start + chunk)
      let candidate = Array(current[..<start] + current[end...])
      if try fails(candidate) { current = candidate } else { start = end }
    }
    if chunk == 1 { return current }
    chunk /= 2
  }
}
