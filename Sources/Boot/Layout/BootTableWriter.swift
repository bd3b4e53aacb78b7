// BootTableWriter: tables whose rights are the flags of a kernel's program headers.

import GuestMem
import MMU

/// Writes the tables that a kernel starts on.
///
/// Each page of a segment has the rights of its program header: R/W is PF_W, XD is not PF_X. Besides
/// there are the stack, a direct map of all RAM, and the handover page where it is in physical memory.
struct BootTableWriter {
  private let places: SegmentPlaces
  private let memory: MemoryView

  init(_ places: SegmentPlaces, _ memory: MemoryView) {
    self.places = places
    self.memory = memory
  }

  /// Writes the tables; how the kernel is entered on them.
  func start(entry: UInt64) throws(BootLayoutError) -> BootStart {
    try checkLinearAddresses()
    guard
      places.segments.contains(where: {
        $0.isExecutable && $0.linearAddress <= entry && entry <= $0.lastLinearAddress
      })
    else { throw .entryNotExecutable(entry) }
    var allocator = try ownFrames()
    let stackStart: UInt64
    do throws(FrameAllocationError) {
      stackStart = try allocator.allocate(
        byteCount: BootAddresses.stackByteCount, alignment: 4096
      ).rawValue
    } catch {
      throw .frames(error)
    }
    do throws(PageTableError) {
      let root = try write(stackStart: stackStart, &allocator)
      // A return from the entry goes to address 0, which is not mapped. RSP is what a called function
      // finds. Source: System V ABI, x86-64 supplement, section 3.2.2.
      return .longMode(
        entry: entry, root: root,
        stackPointer: BootAddresses.stack + BootAddresses.stackByteCount - 8)
    } catch {
      throw .tables(error)
    }
  }

  /// The frames behind the handover page.
  private func ownFrames() throws(BootLayoutError) -> FrameAllocator {
    do throws(FrameAllocationError) {
      var allocator = try FrameAllocator(byteCount: places.memoryByteCount)
      try allocator.reserve(0..<places.handoverAddress + 4096)
      return allocator
    } catch {
      throw .frames(error)
    }
  }

  private func write(
    stackStart: UInt64, _ allocator: inout FrameAllocator
  ) throws(PageTableError) -> UInt64 {
    let configuration: PagingConfiguration
    do throws(PagingConfigurationError) {
      configuration = try PagingConfiguration(supports1GiBPages: false)
    } catch {
      throw .foreignAllocator
    }
    var table = try PageTable(
      configuration: configuration, memory: memory, allocator: &allocator)
    func map(
      _ linear: UInt64, _ byteCount: UInt64, _ physical: UInt64, _ rights: PageRights,
      _ sizes: PageSizeChoice = .exactly(.size4KiB)
    ) throws(PageTableError) {
      try table.map(
        LinearAddress(truncating: linear, width: .bits48), byteCount: byteCount,
        to: GuestPhysicalAddress(truncating: physical), properties: PageProperties(rights: rights),
        pageSizes: sizes, allocator: &allocator)
    }
    for range in pages {
      try map(range.start, range.byteCount, range.physical, range.rights)
    }
    let data: PageRights = [.read, .write]
    try map(BootAddresses.stack, BootAddresses.stackByteCount, stackStart, data)
    try map(BootAddresses.directMap, places.memoryByteCount, 0, data, .exactly(.size2MiB))
    try map(places.handoverAddress, 4096, places.handoverAddress, [.read, .execute])
    return table.rootAddress.rawValue
  }

  /// Whole pages with the rights of a segment.
  private struct Pages {
    let start: UInt64
    let byteCount: UInt64
    let physical: UInt64
    let rights: PageRights
  }

  /// The pages of the segments by address; a page that two share belongs to the first.
  private var pages: [Pages] {
    var result: [Pages] = []
    for segment in places.segments.sorted(by: { $0.linearAddress < $1.linearAddress }) {
      var start = segment.linearAddress & ~0xfff
      let last = segment.lastLinearAddress & ~0xfff
      var physical = places.physicalAddress(of: segment) & ~0xfff
      if let before = result.last, before.start + (before.byteCount - 4096) == start {
        if start == last { continue }
        start += 4096
        physical += 4096
      }
      var rights: PageRights = .read
      if segment.isWritable { rights.formUnion(.write) }
      if segment.isExecutable { rights.formUnion(.execute) }
      result.append(
        Pages(start: start, byteCount: last - start + 4096, physical: physical, rights: rights))
    }
    return result
  }

  private func checkLinearAddresses() throws(BootLayoutError) {
    let sorted = places.segments.sorted { $0.linearAddress < $1.linearAddress }
    for segment in sorted {
      let physical = places.physicalAddress(of: segment)
      guard segment.linearAddress & 0xfff == physical & 0xfff else {
        throw .misalignedSegment(
          index: segment.index, linearAddress: segment.linearAddress, physicalAddress: physical)
      }
      let reserved: [(UInt64, UInt64, String)] = [
        (BootAddresses.directMap, places.memoryByteCount, "the direct map of RAM"),
        (
          BootAddresses.stack - 0x10000, BootAddresses.stackByteCount + 0x20000, "the stack"
        ),
        (places.handoverAddress, 4096, "the handover page"),
      ]
      for (start, byteCount, what) in reserved
      where segment.linearAddress <= start + (byteCount - 1)
        && segment.lastLinearAddress | 0xfff >= start
      {
        throw .segmentInReservedRange(
          index: segment.index, linearAddress: max(start, segment.linearAddress), what)
      }
    }
    for (lower, upper) in zip(sorted, sorted.dropFirst())
    where lower.lastLinearAddress & ~0xfff == upper.linearAddress & ~0xfff {
      let page = upper.linearAddress & ~0xfff
      guard lower.rights == upper.rights else {
        throw .segmentsSharePage(
          lower.index, upper.index, linearAddress: page, lower.rights, upper.rights)
      }
      guard
        lower.linearAddress &- lower.physicalAddress
          == upper.linearAddress &- upper.physicalAddress
      else { throw .segmentsTearPage(lower.index, upper.index, linearAddress: page) }
    }
  }
}
