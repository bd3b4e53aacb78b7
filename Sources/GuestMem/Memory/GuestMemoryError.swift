// GuestMemoryError: why the host did not give memory.

internal import CLinux

/// The reason guest memory could not be made.
public enum GuestMemoryError: Error, Hashable, Sendable {
  /// The byte count is not a multiple of 4 KiB or exceeds 2^52.
  case invalidByteCount(UInt64)
  /// The offset into a file is not a multiple of 4 KiB.
  case misalignedOffset(UInt64)
  /// A file of `byteCount` bytes was to give as many as reach to `needed`.
  case fileTooShort(byteCount: UInt64, needed: UInt64)
  /// A range of a machine's memory is not one of whole pages of it, or is not behind the one before.
  case invalidRange(start: UInt64, byteCount: UInt64, offset: UInt64)
  /// Anonymous memory cannot be viewed twice; only a memory file can.
  case notShareable
  /// The host refused `operation` with `errorNumber`.
  case refused(operation: String, byteCount: UInt64, errorNumber: Int32)

  /// The stable name of the case, the same in every output format.
  public var id: String {
    switch self {
    case .invalidByteCount: "invalid-byte-count"
    case .misalignedOffset: "misaligned-offset"
    case .fileTooShort: "file-too-short"
    case .invalidRange: "invalid-memory-range"
    case .notShareable: "not-shareable"
    case .refused: "host-refused-memory"
    }
  }

  /// What happened, in lower case.
  public var message: String {
    switch self {
    case .invalidByteCount(let byteCount):
      "guest memory cannot have \(byteCount) bytes"
    case .misalignedOffset(let offset):
      "offset \(offset) of the file is not a multiple of 4096"
    case .fileTooShort(let byteCount, let needed):
      "the file has \(byteCount) bytes, and \(needed) are needed"
    case .invalidRange(let start, let byteCount, let offset):
      "\(byteCount) bytes at \(hexadecimal(start)), from offset \(hexadecimal(offset)) on, are no"
        + " range of this memory"
    case .notShareable:
      "anonymous guest memory has no file that a copy could be made of"
    case .refused(let operation, let byteCount, let errorNumber):
      "\(operation) of \(byteCount) bytes of guest memory failed with errno \(errorNumber)"
    }
  }

  /// What to do about it.
  public var hint: String {
    switch self {
    case .invalidByteCount: "give a multiple of 4096, at most 2^52"
    case .misalignedOffset: "give an offset that is a multiple of 4096"
    case .fileTooShort: "give a file that has the bytes, and let nobody shorten it"
    case .invalidRange:
      "give ranges of whole 4 KiB pages, by address, below 2^52 and inside the memory"
    case .notShareable: "create the memory with the backing .memoryFile"
    case .refused(_, _, errorNumber: EMFILE):
      "raise the limit of open files of this process (ulimit -n)"
    case .refused(_, _, errorNumber: EFBIG):
      "raise the limit of the size of files of this process (ulimit -f): guest memory is a memory"
        + " file, and counts"
    case .refused(_, _, errorNumber: ENOMEM):
      "give the guest less memory, or raise the limits of this process (ulimit -v)"
    case .refused: "give the guest less memory"
    }
  }
}
