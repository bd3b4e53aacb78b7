// GuestMemoryError: why the host did not give memory.

internal import CKVM

/// The reason guest memory could not be made.
public enum GuestMemoryError: Error, Hashable, Sendable {
  /// The byte count is not a multiple of 4 KiB or exceeds 2^52.
  case invalidByteCount(UInt64)
  /// The offset into a file is not a multiple of 4 KiB.
  case misalignedOffset(UInt64)
  /// Anonymous memory cannot be viewed twice; only a memory file can.
  case notShareable
  /// The host refused `operation` with `errorNumber`.
  case refused(operation: String, byteCount: UInt64, errorNumber: Int32)

  /// The stable name of the case, the same in every output format.
  public var id: String {
    switch self {
    case .invalidByteCount: "invalid-byte-count"
    case .misalignedOffset: "misaligned-offset"
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
    case .notShareable: "create the memory with the backing .memoryFile"
    case .refused(_, _, errorNumber: EMFILE):
      "raise the limit of open files of this process (ulimit -n)"
    case .refused: "give the guest less memory, or raise the limits of this process (ulimit -v)"
    }
  }
}
