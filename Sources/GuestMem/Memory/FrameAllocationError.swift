// FrameAllocationError: why a frame could not be given or taken back.

/// The reason an operation on the frame allocator was refused.
public enum FrameAllocationError: Error, Hashable, Sendable {
  /// No free run of `byteCount` bytes with that alignment is left.
  case outOfMemory(byteCount: UInt64, alignment: UInt64, freeByteCount: UInt64)
  /// The size is 0 or not a multiple of 4 KiB, or the alignment is not a power of 2 from 4 KiB on.
  case invalidSize(byteCount: UInt64, alignment: UInt64)
  /// The range is empty, reversed, not 4 KiB aligned, or not inside guest RAM.
  case invalidRange(start: UInt64, end: UInt64)
  /// Part of the range is in use already.
  case inUse(start: UInt64, end: UInt64)
  /// Part of the range is free already.
  case alreadyFree(start: UInt64, end: UInt64)
  /// The host gave no memory to keep the books in.
  case metadataRefused(byteCount: UInt64, errorNumber: Int32)

  /// The stable name of the case, the same in every output format.
  public var id: String {
    switch self {
    case .outOfMemory: "out-of-memory"
    case .invalidSize: "invalid-size"
    case .invalidRange: "invalid-range"
    case .inUse: "frame-in-use"
    case .alreadyFree: "frame-already-free"
    case .metadataRefused: "metadata-refused"
    }
  }

  /// What happened, in lower case.
  public var message: String {
    switch self {
    case .outOfMemory(let byteCount, let alignment, let free):
      "no free run of \(byteCount) bytes aligned to \(alignment) is left"
        + " (\(free) bytes are free in all)"
    case .invalidSize(let byteCount, let alignment):
      "\(byteCount) bytes aligned to \(alignment) is not a run of frames"
    case .invalidRange(let start, let end):
      "\(hexadecimal(start)) to \(hexadecimal(end)) is not a range of frames of guest memory"
    case .inUse(let start, let end):
      "part of \(hexadecimal(start)) to \(hexadecimal(end)) is in use already"
    case .alreadyFree(let start, let end):
      "part of \(hexadecimal(start)) to \(hexadecimal(end)) is free already"
    case .metadataRefused(let byteCount, let errorNumber):
      "mmap of \(byteCount) bytes of frame metadata failed with errno \(errorNumber)"
    }
  }

  /// What to do about it.
  public var hint: String {
    switch self {
    case .outOfMemory: "give the guest more memory, or free frames first"
    case .invalidSize: "give a multiple of 4096 and an alignment that is a power of 2"
    case .invalidRange: "give 4 KiB aligned addresses below the size of guest memory"
    case .inUse:
      "reserve ranges before frames are allocated, and each range once; frames with an owner come"
        + " back by themselves"
    case .alreadyFree: "free each run once, with the size it was allocated with"
    case .metadataRefused: "raise the limits of this process (ulimit -v) or use less memory"
    }
  }
}

/// `value` as `0x` and hexadecimal digits.
@usableFromInline func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
