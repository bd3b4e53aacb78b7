// Stage: the memory, frames and tables that the contestants work on.

import CLimits
public import GuestMem
public import MMU

/// How much each contestant does.
public struct Scale: Sendable {
  /// 4 KiB pages that are mapped, protected and removed; a multiple of 512.
  public var pageCount: UInt64
  /// 2 MiB pages that are mapped.
  public var largePageCount: UInt64
  /// 2 MiB pages that are split; at most 512.
  public var splitCount: UInt64
  /// Addresses that are translated.
  public var translationCount: UInt64
  /// Pages all over the linear space.
  public var scatteredCount: UInt64

  /// What the peers were measured with.
  public static let full = Scale(
    pageCount: 262_144, largePageCount: 32_768, splitCount: 512, translationCount: 1_000_000,
    scatteredCount: 65_536)
  /// Enough to count instructions.
  public static let small = Scale(
    pageCount: 65_536, largePageCount: 32_768, splitCount: 256, translationCount: 100_000,
    scatteredCount: 4_096)
}

/// A page and what is mapped there.
struct Place {
  let linear: LinearAddress
  let physical: GuestPhysicalAddress
}

/// Memory with a page table, for one contestant after the other.
public struct Stage: ~Copyable {
  /// How much is done.
  public let scale: Scale
  /// Room for all tables, and for the limits.
  public let memory: GuestMemory
  /// Gives out the frames, those used last first.
  public var allocator: FrameAllocator
  /// The table under test.
  public var table: PageTable
  /// Addresses inside the pages that the contestants map.
  public let addresses: [LinearAddress]
  /// Every address that the contestants map a 4 KiB page at.
  public let pages: [UInt64]
  /// The same with what is mapped there.
  let places: [Place]
  /// The tables that ``splitLarge(_:)`` made, for the limit to use the same.
  public var splitFrames: [UInt64] = []
  /// Keeps results from being optimized away.
  public var sum: UInt64 = 0

  /// Where the contestants map.
  public static var base: UInt64 { 0x1000_0000_0000 }
  /// What they map.
  public static var target: UInt64 { 0x1_0000_0000 }
  /// How.
  public static var plain: PageProperties { PageProperties(rights: [.read, .write]) }

  /// Takes memory and touches all of it, as no measurement should.
  public init(_ scale: Scale) throws {
    let memory = try GuestMemory(byteCount: 64 << 20, backing: .anonymous)
    _ = unsafe climits_prefault(memory.view.baseAddress, Int(memory.byteCount))
    var allocator = try FrameAllocator(byteCount: memory.byteCount)
    var table = try PageTable(
      configuration: try PagingConfiguration(), memory: memory.view, allocator: &allocator)
    table.liveness = .offline
    var random = XorShift()
    self.scale = scale
    self.addresses = (0..<scale.translationCount).map { _ in
      place(random.next() % (scale.pageCount * 4096))
    }
    self.pages = (0..<scale.pageCount).map { Stage.base + $0 << 12 }
    self.places = pages.map {
      Place(
        linear: LinearAddress(truncating: $0, width: .bits48),
        physical: GuestPhysicalAddress(truncating: $0 & 0xff_ffff_f000))
    }
    self.memory = memory
    self.allocator = allocator
    self.table = table
  }

  /// The bytes that the contestants map in 4 KiB pages.
  public var byteCount: UInt64 { scale.pageCount * 4096 }

  /// Words of memory in which no table stands, for the limits.
  public var words: UnsafeMutablePointer<UInt64> {
    unsafe (memory.view.baseAddress + 16 << 20).assumingMemoryBound(to: UInt64.self)
  }

  /// Notes the tables that the first 2 MiB entries link.
  public mutating func noteSplitFrames() throws {
    splitFrames.removeAll(keepingCapacity: true)
    for part in 0..<scale.splitCount {
      let frame = try table.withEntry(
        for: place(part << 21), downTo: .pageDirectory, allocator: &allocator
      ) { (entry, _) throws(EntryError) -> UInt64 in
        guard case .table(let table, _) = entry.reference else { return 0 }
        return table.address
      }
      splitFrames.append(frame)
    }
  }

  /// Removes everything that the contestants map.
  public mutating func clear() throws {
    try table.unmap(
      LinearAddress(truncating: Stage.base, width: .bits48), byteCount: 64 << 30,
      allocator: &allocator)
  }
}

/// Marsaglia's generator with 64 bits: the same numbers in every run.
public struct XorShift {
  var state: UInt64 = 88_172_645_463_325_252

  /// The first number of the sequence comes next.
  public init() {}

  /// The next number.
  public mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}
