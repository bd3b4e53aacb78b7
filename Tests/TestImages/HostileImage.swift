// HostileImage: images that lie. A test tries some of them, the fuzz target a million.

import GuestMem
import Inspection
import MMU
import TestSupport

/// Makes images of random content, and looks at everything that can be looked at in them.
public struct HostileImage: Sendable {
  private var generator: SeededGenerator

  /// The images of `seed`.
  public init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

  /// Bytes of raw memory or of a core; tables that are random, looped, shared or cut off.
  public mutating func next() -> [UInt8] {
    let pageCount = Int.random(in: 1...Int.random(in: 1...6, using: &generator), using: &generator)
    var memory = words(pageCount: pageCount)
    if Int.random(in: 0..<8, using: &generator) == 0 {
      memory.removeLast(Int.random(in: 1..<4096, using: &generator))
    }
    switch Int.random(in: 0..<8, using: &generator) {
    case 0..<3: return memory
    case 3..<6: return core(memory)
    default: return dump(memory)
    }
  }

  /// A dump of another program around `memory`, in which few bytes are wrong.
  private mutating func dump(_ memory: [UInt8]) -> [UInt8] {
    var bytes: [UInt8]
    if Bool.random(using: &generator) {
      let middle = memory.count / 2
      bytes = DumpBytes.lime([
        (0, Array(memory[..<middle])),
        (UInt64.random(in: 0..<1 << 24, using: &generator), Array(memory[middle...])),
      ])
    } else {
      var pages: [(frame: UInt64, bytes: [UInt8])] = []
      for frame in 0..<memory.count / 4096 {
        pages.append((UInt64(frame), Array(memory[frame * 4096..<(frame + 1) * 4096])))
      }
      bytes = DumpBytes.kdump(pages, compression: Bool.random(using: &generator) ? .zlib : .none)
    }
    // Headers stand at the beginning, so that is where most of what is wrong goes.
    for _ in 0..<Int.random(in: 0...3, using: &generator) {
      let end = Bool.random(using: &generator) ? min(bytes.count, 480) : bytes.count
      guard end > 0 else { break }
      let place = Int.random(in: 0..<end, using: &generator)
      bytes[place] = UInt8.random(in: 0...255, using: &generator)
    }
    guard Bool.random(using: &generator), bytes.count > 2 else { return bytes }
    let middle = Int.random(in: 1..<bytes.count, using: &generator)
    var pieces: [(offset: UInt64, bytes: [UInt8])] = [
      (UInt64(middle), Array(bytes[middle...])), (0, Array(bytes[..<middle])),
    ]
    // One that is written again, and may lie anywhere.
    pieces.append(
      (UInt64.random(in: 0..<UInt64(bytes.count) * 2, using: &generator), Array(bytes.suffix(64))))
    var stream = DumpBytes.flattened(pieces)
    if Int.random(in: 0..<4, using: &generator) == 0 {
      stream[Int.random(in: 4096..<stream.count, using: &generator)] &+= 1
    }
    return stream
  }

  private mutating func words(pageCount: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: pageCount * 4096)
    let entryCount = Int.random(
      in: 0...Int.random(in: 1...24, using: &generator), using: &generator)
    let bits = UInt64.random(in: 0...UInt64.max, using: &generator)
    for _ in 0..<entryCount {
      var word = UInt64.random(in: 0...UInt64.max, using: &generator)
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: break
      case 1: word = word & 0x8000_0000_0000_01ff | bits & 0x3f_f000
      default:
        // Loops and shared tables: the target is a page of the image.
        word =
          word & 0x8000_0000_0000_017f | 1
          | UInt64.random(in: 0...UInt64(pageCount), using: &generator) << 12
      }
      let place = Int.random(in: 0..<pageCount * 512, using: &generator) * 8
      for index in 0..<8 { bytes[place + index] = UInt8(truncatingIfNeeded: word >> (index * 8)) }
    }
    return bytes
  }

  /// A core around `memory`, with headers that may be wrong in any field.
  private mutating func core(_ memory: [UInt8]) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 512)
    func put(_ number: UInt64, _ size: Int, at place: Int) {
      for index in 0..<size {
        bytes[place + index] = UInt8(truncatingIfNeeded: number >> (index * 8))
      }
    }
    bytes.replaceSubrange(0..<6, with: [0x7f, 0x45, 0x4c, 0x46, 2, 1])
    put(4, 2, at: 16)
    put(62, 2, at: 18)
    put(64, 8, at: 32)
    put(56, 2, at: 54)
    put(3, 2, at: 56)
    for (index, header) in [
      (4, 300, 0, 60), (1, 512, 0, UInt64(memory.count)), (1, 512, 0x2000, 4096),
    ].enumerated() as EnumeratedSequence<[(UInt64, UInt64, UInt64, UInt64)]> {
      put(header.0, 4, at: 64 + index * 56)
      put(header.1, 8, at: 72 + index * 56)
      put(header.2, 8, at: 88 + index * 56)
      put(header.3, 8, at: 96 + index * 56)
    }
    put(5, 4, at: 300)
    put(UInt64(UInt32.max) - UInt64.random(in: 0...16, using: &generator), 4, at: 304)
    if Bool.random(using: &generator) { put(36, 4, at: 304) }
    for index in 0..<5 { bytes[312 + index] = [0x51, 0x45, 0x4d, 0x55, 0][index] }
    for _ in 0..<Int.random(in: 0...3, using: &generator) {
      let size = [1, 2, 4, 8][Int.random(in: 0..<4, using: &generator)]
      let place = Int.random(in: 0..<(320 - size), using: &generator)
      let shift = UInt64.random(in: 0..<64, using: &generator)
      put(UInt64.random(in: 0...UInt64.max, using: &generator) >> shift, size, at: place)
    }
    return bytes + memory
  }

  /// Opens `bytes` and lists, audits and walks what is in them; the number of items that were seen.
  public static func look(at bytes: [UInt8], isFiveLevel: Bool) -> Int {
    guard let image = try? MemoryImage(bytes: bytes),
      let configuration = try? PagingConfiguration(
        rootLevel: isFiveLevel ? .pageMapLevel5 : .pageMapLevel4)
    else { return 0 }
    let cr3 = image.processors.first?.cr3 ?? 0
    let tables = PageTables(cr3: cr3, configuration: configuration)
    var counter = ItemCounter()
    tables.list(in: image, shared: .expandUpTo(1 << 12), to: &counter)
    var conditions = AuditConditions(pat: 0x0007_0406_0007_0406)
    conditions.userStack = 0x1000
    conditions.memory = image.segments.map { $0.physicalAddress.rawValue..<$0.end }
    conditions.registerUses = [
      .instructions(at: 0x1000, .supervisor), .stack(below: 0x2000, .supervisor),
      .descriptors(.idtr, base: cr3, limit: 0xfff),
    ]
    let report = tables.audit(in: image, under: conditions)
    let walk = Walk(0x1000, cr3: cr3, configuration: configuration, in: image)
    return counter.count + report.findings.count + walk.stepCount
  }

  /// Counts what it receives.
  private struct ItemCounter: ListingReceiver {
    var count = 0

    mutating func receive(_ item: ListedItem) -> ListingDecision {
      count += 1
      return .goOn
    }
  }
}
