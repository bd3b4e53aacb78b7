// SegmentPlaces: where in physical memory each segment of a kernel goes.

import MMU

/// The physical places of a kernel's segments, and of kvmpt's own pages behind them.
struct SegmentPlaces {
  let segments: [KernelSegment]
  let memoryByteCount: UInt64
  /// What is added to every segment's physical address; nil for nothing.
  let relocation: UInt64?

  init(_ segments: [KernelSegment], memoryByteCount: UInt64) {
    self.segments = segments
    self.memoryByteCount = memoryByteCount
    // A linker script without AT gives physical addresses that are the linear ones: in the upper half
    // there is no memory.
    let lowest = segments.map(\.linearAddress).min() ?? 0
    let isUpper = segments.allSatisfy {
      $0.linearAddress >> 63 == 1 && $0.physicalAddress == $0.linearAddress
    }
    relocation = isUpper ? 0x20_0000 &- (lowest & ~0x1f_ffff) : nil
  }

  /// Where a segment goes.
  func physicalAddress(of segment: KernelSegment) -> UInt64 {
    segment.physicalAddress &+ (relocation ?? 0)
  }

  /// The bytes at the end of RAM that are kvmpt's, a multiple of 2 MiB: 1 MiB for the handover page,
  /// the stack and the upper tables, and 8 bytes for each page that the kernel takes.
  private var reservedByteCount: UInt64 {
    let tables = segments.reduce(0 as UInt64) { $0 + ($1.byteCount >> 9) + 4 * 4096 }
    let directMap = (memoryByteCount >> 30 + 3) * 4096
    return (tables + directMap + (1 << 20) + 0x1f_ffff) & ~0x1f_ffff
  }

  /// Where the kernel's RAM ends.
  var kernelLimit: UInt64 {
    memoryByteCount > reservedByteCount ? memoryByteCount - reservedByteCount : 0
  }

  /// Where kvmpt's part of RAM begins.
  var handoverAddress: UInt64 { kernelLimit }

  /// True when a segment has the byte at a physical address.
  func contains(_ address: UInt64) -> Bool {
    segments.contains {
      let start = physicalAddress(of: $0)
      return start <= address && address - start < $0.byteCount
    }
  }

  /// Refuses what does not fit or overlaps.
  func check(limit: UInt64) throws(BootLayoutError) {
    for segment in segments {
      let start = physicalAddress(of: segment)
      guard segment.byteCount <= limit, start <= limit - segment.byteCount else {
        throw .segmentOutsideMemory(
          index: segment.index, physicalAddress: start, byteCount: segment.byteCount, limit: limit)
      }
    }
    let sorted = segments.sorted { physicalAddress(of: $0) < physicalAddress(of: $1) }
    for (lower, upper) in zip(sorted, sorted.dropFirst())
    where physicalAddress(of: lower) + lower.byteCount > physicalAddress(of: upper) {
      throw .segmentsShareMemory(
        lower.index, upper.index, physicalAddress: physicalAddress(of: upper))
    }
  }
}
