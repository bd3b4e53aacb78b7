// DamageableTables: random and real tables in a small memory, which can be damaged.

import GuestMem
import Inspection
import MMU
import TestSupport

/// Memory of some frames, which need not stand together.
struct FrameMemory: PhysicalMemory {
  private var words: [UInt64] = []
  /// Where the words of a frame begin.
  private var places: [UInt64: Int] = [:]

  /// The frames that there are, by address.
  var frames: [UInt64] { places.keys.sorted() }

  /// Memory of zeros at `frames`.
  init(frames: [UInt64]) {
    for frame in frames {
      places[frame] = words.count
      words += [UInt64](repeating: 0, count: 512)
    }
  }

  func loadWord(at address: GuestPhysicalAddress) -> UInt64? {
    places[address.rawValue & ~0xfff].map { words[$0 + Int(address.rawValue >> 3 & 511)] }
  }

  subscript(address: UInt64) -> UInt64 {
    get { loadWord(at: GuestPhysicalAddress(truncating: address)) ?? 0 }
    set {
      guard let place = places[address & ~0xfff] else { return }
      words[place + Int(address >> 3 & 511)] = newValue
    }
  }
}

/// Tables, and the addresses of the pages that they map.
struct DamageableTables {
  var memory: FrameMemory
  let tables: PageTables
  /// One address in each page that is mapped.
  private(set) var pages: [UInt64] = []
  /// The frames that hold tables; the root is the first.
  private(set) var tableFrames: [UInt64] = []
  private var freeFrames: [UInt64]

  /// The tables of `image` below `cr3`, with a few frames of zeros behind the last one.
  init(of image: borrowing MemoryImage, cr3: UInt64) throws {
    tables = PageTables(cr3: cr3, configuration: try PagingConfiguration())
    let used = TableUses(of: tables, in: image).frames.sorted()
    let end = (used.last ?? 0) + 4096
    freeFrames = (0..<4 as Range<UInt64>).map { end + $0 * 4096 }
    memory = FrameMemory(frames: used + freeFrames)
    for frame in used {
      for address in stride(from: frame, to: frame + 4096, by: 8) {
        memory[address] = image.loadWord(at: GuestPhysicalAddress(truncating: address)) ?? 0
      }
    }
    tableFrames = [tables.rootAddress.rawValue] + used.filter { $0 != tables.rootAddress.rawValue }
    var runs = RunStarts()
    tables.list(in: memory, shared: .once, to: &runs)
    pages = runs.addresses
  }

  /// The first and the last page of each run.
  private struct RunStarts: ListingReceiver {
    var addresses: [UInt64] = []

    mutating func receive(_ item: ListedItem) -> ListingDecision {
      if case .run(let run) = item {
        addresses += [run.linearAddress]
        if run.pageCount > 1 { addresses.append(run.lastAddress & ~0xfff) }
      }
      return .goOn
    }
  }

  /// Random tables.
  init(_ random: inout SeededGenerator) throws {
    let frames = (0..<48 as Range<UInt64>).map { 0x10_0000 + $0 * 4096 }
    memory = FrameMemory(frames: frames)
    freeFrames = frames.shuffled(using: &random)
    // Some frames hold something else than tables.
    for _ in 0..<6 {
      let frame = freeFrames.removeLast()
      let isText = Bool.random(using: &random)
      for index in 0..<512 as Range<UInt64> {
        memory[frame + index * 8] =
          isText ? Self.text(&random) : UInt64.random(in: 0...UInt64.max, using: &random)
      }
    }
    let root = freeFrames.removeLast()
    tableFrames = [root]
    tables = PageTables(
      cr3: root,
      configuration: try PagingConfiguration(
        rootLevel: Int.random(in: 0..<4, using: &random) == 0 ? .pageMapLevel5 : .pageMapLevel4,
        physicalAddressWidth: UInt8.random(in: 39...52, using: &random)))
    let link: UInt64 = [0x7, 0x3, 0x67, 0x63].randomElement(using: &random) ?? 7
    for size in [PageSize.size4KiB, .size4KiB, .size4KiB, .size2MiB, .size1GiB] {
      let flags = Self.leafFlags(size, &random)
      let count = Int.random(in: 1...(size == .size1GiB ? 4 : 24), using: &random)
      let width = UInt64(tables.configuration.linearAddressWidth.rawValue)
      var linear = UInt64.random(in: 0..<1 << (width - 1), using: &random)
      if Bool.random(using: &random) { linear |= ~0 << (width - 1) }
      linear &= ~(size.byteCount * 32 - 1)
      let isInside = size == .size4KiB && Bool.random(using: &random)
      let physical =
        isInside
        ? frames[0] + UInt64.random(in: 0..<16, using: &random) * 4096
        : UInt64.random(in: 1...64, using: &random) << 30
      for index in 0..<UInt64(count) {
        map(
          linear + index * size.byteCount, physical + index * size.byteCount | flags, size, link)
      }
    }
  }

  private static func text(_ random: inout SeededGenerator) -> UInt64 {
    (0..<8).reduce(0) { word, _ in word << 8 | UInt64.random(in: 0x20...0x7e, using: &random) }
  }

  private static func leafFlags(_ size: PageSize, _ random: inout SeededGenerator) -> UInt64 {
    var flags: UInt64 = 1 | (size == .size4KiB ? 0 : 0x80)
    for bit in [1, 2, 5, 6, 8, 63] as [UInt64] where Bool.random(using: &random) {
      flags |= 1 << bit
    }
    return flags
  }

  private mutating func map(_ linear: UInt64, _ leaf: UInt64, _ size: PageSize, _ link: UInt64) {
    var table = tables.rootAddress.rawValue
    var level = tables.configuration.rootLevel
    while level > size.level, let lower = level.lower {
      let place = table + (linear >> level.indexShift & 511) * 8
      let entry = PageTableEntry(memory[place], at: level)
      if entry.isPresent && entry.isLeaf { return }
      if !entry.isPresent {
        guard let frame = freeFrames.popLast() else { return }
        tableFrames.append(frame)
        memory[place] = frame | link
      }
      table = memory[place] & PageTableEntry.Bit.address
      level = lower
    }
    let place = table + (linear >> level.indexShift & 511) * 8
    guard memory[place] == 0 else { return }
    memory[place] = leaf
    pages.append(linear)
  }

  /// A frame that is neither a table nor holds anything.
  func zeroFrame(_ random: inout SeededGenerator) -> UInt64? {
    freeFrames.randomElement(using: &random)
  }
}
