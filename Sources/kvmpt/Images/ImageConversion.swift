// ImageConversion: the address space that the tables of an image make.

import GuestMem
import MMU
import Probe

/// The pages of an image as mappings.
struct ImageConversion {
  private(set) var space: AddressSpace
  /// Lines about where it comes from and what is not said.
  private(set) var comments: [String]

  /// `limit` is the largest memory that this host can give to a guest.
  init(
    _ image: borrowing OpenedImage, runs: [ConvertedRun], recursiveEntry: RecursiveEntry,
    memoryByteCount: UInt64?, limit: UInt64
  ) {
    let largest = runs.map(\.pageSize).max() ?? .size4KiB
    let memory =
      memoryByteCount
      ?? Self.memory(
        for: runs, imageEnd: image.memory.segments.last?.end ?? 0, limit: limit,
        alignment: largest.byteCount)
    space = AddressSpace(
      rootLevel: image.tables.configuration.rootLevel, memoryByteCount: memory,
      processor: image.settings, mappings: [],
      name: String(image.path.split(separator: "/").last ?? ""))
    comments = [
      "Written by kvmpt convert: the mappings of CR3 0x\(String(image.cr3, radix: 16)) in"
        + " \(quoted(image.path)).",
      "Rights are those that hold over all levels; physical addresses at"
        + " \(HexadecimalNumber(memory)) and above are devices.",
    ]
    space.recursiveSlot = recursiveEntry.slot
    if let comment = recursiveEntry.comment { comments.append(comment) }
    for run in runs { add(run) }
  }

  /// The image's memory and room for tables that nothing maps, as far as the host has that; the
  /// tables alone where the image reaches beyond what the host has.
  private static func memory(
    for runs: [ConvertedRun], imageEnd: UInt64, limit: UInt64, alignment: UInt64
  ) -> UInt64 {
    let pageCount = runs.reduce(0) { $0 &+ min($1.pageCount, 1 << 32) }
    // A table for each run in the worst case, at four levels, and for each 512 pages.
    let needed = (UInt64(runs.count) * 4 + pageCount / 512 + 16) * 4096
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

  /// Adds a mapping, or two where the run leaves the memory.
  private mutating func add(_ run: ConvertedRun) {
    let physical = run.physical
    let end = physical &+ run.byteCount
    let inside =
      physical >= space.memoryByteCount
      ? 0 : min(end, space.memoryByteCount) - physical
    // A page that is cut by the end of memory is all device, which check() refuses by name.
    let whole = inside - inside % run.pageSize.byteCount
    if whole > 0 {
      add(run, from: 0, byteCount: whole, .memory(GuestPhysicalAddress(truncating: physical)))
    }
    if whole < run.byteCount {
      add(
        run, from: whole, byteCount: run.byteCount - whole,
        .device(GuestPhysicalAddress(truncating: physical &+ whole)))
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
