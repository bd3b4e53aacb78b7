// ImageConversion: the address space that the tables of an image make.

import GuestMem
import Inspection
import MMU
import Probe

/// The pages of an image as mappings.
struct ImageConversion {
  private(set) var space: AddressSpace
  /// Lines about where it comes from and what is not said.
  private(set) var comments: [String]
  /// The ranges of memory by address.
  private let memory: [Range<UInt64>]

  /// `limit` is the largest memory that this host can give to a guest.
  init(
    _ image: borrowing OpenedImage, runs: [ConvertedRun], recursiveEntry: RecursiveEntry,
    memoryByteCount: UInt64?, limit: UInt64
  ) {
    space = AddressSpace(
      rootLevel: image.tables.configuration.rootLevel, memoryByteCount: memoryByteCount ?? 0,
      processor: image.settings, mappings: [],
      name: String(image.path.split(separator: "/").last ?? ""))
    if memoryByteCount == nil {
      space.memory = Self.memory(for: runs, image.memory.segments, limit: limit)
    }
    memory = space.memory.sorted { $0.base < $1.base }.map { $0.base..<$0.end }
    let devices =
      space.memory.count == 1
      ? "at \(HexadecimalNumber(memory[0].upperBound)) and above"
      : "outside of its ranges of memory"
    comments = [
      "Written by kvmpt convert: the mappings of CR3 0x\(String(image.cr3, radix: 16)) in"
        + " \(quoted(image.path)).",
      "Rights are those that hold over all levels; physical addresses \(devices) are devices.",
    ]
    space.recursiveSlot = recursiveEntry.slot
    if let comment = recursiveEntry.comment { comments.append(comment) }
    for run in runs { add(run) }
  }

  /// The image's memory, in its ranges or from address 0 on, and room for tables that nothing maps.
  private static func memory(
    for runs: [ConvertedRun], _ segments: [MemorySegment], limit: UInt64
  ) -> [MemoryRange] {
    let alignment = (runs.map(\.pageSize).max() ?? .size4KiB).byteCount
    let pageCount = runs.reduce(0) { $0 &+ min($1.pageCount, 1 << 32) }
    // A table for each run in the worst case, at four levels, and for each 512 pages.
    let needed = (UInt64(runs.count) * 4 + pageCount / 512 + 16) * 4096
    if var memory = ConvertedMemory(segments, runs: runs, limit: limit / 2),
      memory.makeRoom(for: needed, alignment: alignment, beside: runs)
    {
      return memory.ranges.map {
        MemoryRange(base: $0.lowerBound, byteCount: UInt64($0.count))
      }
    }
    let byteCount = memory(
      for: runs, needed: needed, imageEnd: segments.last?.end ?? 0, limit: limit,
      alignment: alignment)
    return [MemoryRange(base: 0, byteCount: byteCount)]
  }

  /// The image's memory from address 0 on and room for tables that nothing maps, as far as the host has
  /// that; the tables alone where the image reaches beyond what the host has.
  private static func memory(
    for runs: [ConvertedRun], needed: UInt64, imageEnd: UInt64, limit: UInt64, alignment: UInt64
  ) -> UInt64 {
    let extents = runs.map { ($0.physical, $0.byteCount) }.sorted { $0.0 < $1.0 }
    func aligned(_ count: UInt64) -> UInt64 { (count &+ (alignment - 1)) & ~(alignment - 1) }
    var memory = aligned(imageEnd <= limit / 2 ? imageEnd : 0)
    var free: UInt64 = 0
    var reached: UInt64 = 0
    for (start, byteCount) in extents {
      let end = start &+ byteCount
      if start > reached { free += min(start, max(memory, reached)) &- min(reached, memory) }
      reached = max(reached, end)
      if reached >= memory { break }
    }
    if reached < memory { free += memory - reached }
    // Where what is mapped ends far beyond the host's memory, the tables lie in what is mapped.
    let roomy = aligned(max(memory, reached) &+ needed)
    if free < needed && roomy <= limit / 2 { memory = max(memory, roomy) }
    return max(memory, aligned(needed))
  }

  /// Adds a mapping, or several where the run leaves or enters memory.
  private mutating func add(_ run: ConvertedRun) {
    let size = run.pageSize.byteCount
    var offset: UInt64 = 0
    while offset < run.byteCount {
      let address = run.physical &+ offset
      let rest = run.byteCount - offset
      let next = memory.first { address < $0.upperBound }
      // A page that is cut by an end of memory is all device, which check() refuses by name.
      var part = rest
      var isMemory = false
      if let next, next.contains(address) {
        let whole = min(rest, next.upperBound - address) / size * size
        isMemory = whole > 0
        part = isMemory ? whole : size
      } else if let next {
        part = min(rest, (next.lowerBound - address + size - 1) / size * size)
      }
      let physical = GuestPhysicalAddress(truncating: address)
      add(run, from: offset, byteCount: part, isMemory ? .memory(physical) : .device(physical))
      offset += part
    }
  }

  private mutating func add(
    _ run: ConvertedRun, from offset: UInt64, byteCount: UInt64, _ target: MappingTarget
  ) {
    let first = run.linear &+ offset
    let width: LinearAddressWidth = space.rootLevel == .pageMapLevel5 ? .bits57 : .bits48
    var mapping = Mapping(
      name: "\(HexadecimalNumber(first))",
      linearAddress: LinearAddress(truncating: first, width: width), byteCount: byteCount,
      target: target, properties: run.properties, pageSize: .exactly(run.pageSize))
    mapping.clearFlags = run.clearFlags
    space.mappings.append(mapping)
  }
}
