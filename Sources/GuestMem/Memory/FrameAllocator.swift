// FrameAllocator: which frames of guest memory are free.

public import MMU

/// What is known about the content of memory that is free from the beginning.
public enum FreeMemoryContent: Hashable, Sendable {
  /// Every byte is 0 until the frame is given out: fresh memory that no guest has run on.
  case zero
  /// Anything may stand there.
  case unknown
}

/// Gives out 4 KiB frames and aligned runs of them.
///
/// It holds intervals, not a bit for each frame, so that petabytes of sparse memory cost nothing.
/// Frames of page tables come from a run that was the lowest interval and go through a stack of
/// their own, which makes both ways short.
public struct FrameAllocator: ~Copyable, Sendable {
  /// The size of the memory in bytes.
  public let byteCount: UInt64
  /// Free runs as frame numbers: sorted, disjoint, not touching each other.
  var intervals: [Range<UInt64>]
  /// Frames in the intervals, in the stack and in the run.
  @usableFromInline var freeFrames: UInt64
  /// The number of the frame on top of the stack plus 1, or 0.
  @usableFromInline var stackTop: UInt64 = 0
  /// The first frame of what is left of an interval that frames for tables are taken from.
  @usableFromInline var runStart: UInt64 = 0
  /// One more than its last frame.
  @usableFromInline var runEnd: UInt64 = 0
  /// No frame from this number on has ever been given out.
  @usableFromInline var untouchedFrom: UInt64
  /// The lowest frame that was ever given out with an owner in the metadata.
  @usableFromInline var lowestCounted: UInt64 = .max
  /// One more than the highest such frame.
  @usableFromInline var countedEnd: UInt64 = 0
  /// The metadata of the frames.
  public let metadata: FrameMetadataView

  /// All `byteCount` bytes are free, rounded down to whole frames.
  ///
  /// - Throws: ``FrameAllocationError/invalidRange(start:end:)`` for more than 2^52 bytes, and
  ///   ``FrameAllocationError/metadataRefused(byteCount:errorNumber:)`` when the host has no room
  ///   for 16 bytes of address space for each frame.
  public init(
    byteCount: UInt64, freeMemory: FreeMemoryContent = .unknown
  ) throws(FrameAllocationError) {
    let frameCount = byteCount / 4096
    guard frameCount <= 1 << 40 else { throw .invalidRange(start: 0, end: byteCount) }
    metadata = try FrameMetadataView(frameCount: frameCount)
    self.byteCount = frameCount * 4096
    intervals = frameCount > 0 ? [0..<frameCount] : []
    freeFrames = frameCount
    untouchedFrom = freeMemory == .zero ? 0 : frameCount
  }

  /// The number of free bytes, besides frames that handles gave back since the last allocation.
  public var freeByteCount: UInt64 { freeFrames * 4096 }

  /// True when every byte of `range` is free.
  public mutating func isFree(_ range: Range<UInt64>) -> Bool {
    guard !range.isEmpty, range.upperBound <= byteCount else { return false }
    drainStack()
    let frames = range.lowerBound / 4096..<(range.upperBound + 4095) / 4096
    return intervalIndex(containing: frames) != nil
  }

  /// Takes a range of guest-physical addresses, in bytes, out of what can be given out.
  ///
  /// - Throws: ``FrameAllocationError/invalidRange(start:end:)`` when the bounds are not 4 KiB
  ///   aligned or outside memory, ``FrameAllocationError/inUse(start:end:)`` when part is taken.
  public mutating func reserve(_ range: Range<UInt64>) throws(FrameAllocationError) {
    let frames = try frameRange(range)
    drainStack()
    guard let index = intervalIndex(containing: frames) else {
      throw .inUse(start: range.lowerBound, end: range.upperBound)
    }
    take(frames, fromIntervalAt: index)
  }

  /// Gives out the free frame with the lowest address.
  ///
  /// - Throws: ``FrameAllocationError/outOfMemory(byteCount:alignment:freeByteCount:)``.
  public mutating func allocate() throws(FrameAllocationError) -> GuestPhysicalAddress {
    try allocate(byteCount: 4096, alignment: 4096)
  }

  /// Gives out the lowest free run of `byteCount` bytes that starts at a multiple of `alignment`.
  ///
  /// - Throws: ``FrameAllocationError/invalidSize(byteCount:alignment:)`` and
  ///   ``FrameAllocationError/outOfMemory(byteCount:alignment:freeByteCount:)``.
  /// - Complexity: linear in the number of free runs; frames that tables gave back since the last
  ///   time are sorted into them first, as by every operation on runs.
  public mutating func allocate(
    byteCount: UInt64, alignment: UInt64 = 4096
  ) throws(FrameAllocationError) -> GuestPhysicalAddress {
    guard byteCount > 0, byteCount % 4096 == 0, alignment >= 4096, alignment & (alignment - 1) == 0
    else { throw .invalidSize(byteCount: byteCount, alignment: alignment) }
    drainStack()
    let count = byteCount / 4096
    let step = alignment / 4096
    for index in intervals.indices {
      let interval = intervals[index]
      let (raised, overflow) = interval.lowerBound.addingReportingOverflow(step - 1)
      let start = raised & ~(step - 1)
      guard !overflow, start <= interval.upperBound, interval.upperBound - start >= count else {
        continue
      }
      take(start..<start + count, fromIntervalAt: index)
      untouchedFrom = max(untouchedFrom, start + count)
      return GuestPhysicalAddress(truncating: start * 4096)
    }
    throw .outOfMemory(byteCount: byteCount, alignment: alignment, freeByteCount: freeByteCount)
  }

  /// Takes back `byteCount` bytes that were given out without an owner, or reserved.
  ///
  /// Frames of tables, handles and pages that own them come back by themselves with the last owner.
  ///
  /// - Throws: ``FrameAllocationError/invalidRange(start:end:)``,
  ///   ``FrameAllocationError/alreadyFree(start:end:)``, and
  ///   ``FrameAllocationError/inUse(start:end:)`` when part of the range has an owner.
  /// - Complexity: linear in the number of free runs, and of the frames among those of the range
  ///   that lie in ``countedFrames``.
  public mutating func free(
    _ address: GuestPhysicalAddress, byteCount: UInt64 = 4096
  ) throws(FrameAllocationError) {
    let (end, overflow) = address.rawValue.addingReportingOverflow(byteCount)
    guard !overflow, end > address.rawValue else {
      throw .invalidRange(start: address.rawValue, end: end)
    }
    let frames = try frameRange(address.rawValue..<end)
    drainStack()
    let next = firstInterval(endingAfter: frames.lowerBound)
    guard next == intervals.count || intervals[next].lowerBound >= frames.upperBound else {
      throw .alreadyFree(start: address.rawValue, end: end)
    }
    for frame in frames.clamped(to: countedFrames)
    where metadata.ownership(of: frame) != .unused {
      throw .inUse(start: address.rawValue, end: end)
    }
    insert(frames)
    untouchedFrom = max(untouchedFrom, frames.upperBound)
  }

  private func frameRange(_ range: Range<UInt64>) throws(FrameAllocationError) -> Range<UInt64> {
    guard !range.isEmpty, range.lowerBound % 4096 == 0, range.upperBound % 4096 == 0,
      range.upperBound <= byteCount
    else { throw .invalidRange(start: range.lowerBound, end: range.upperBound) }
    return range.lowerBound / 4096..<range.upperBound / 4096
  }
}
