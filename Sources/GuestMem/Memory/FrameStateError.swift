// FrameStateError: why a frame's ownership did not change.

/// The reason a change of a frame's ownership was refused; nothing has changed then.
public enum FrameStateError: Error, Hashable, Sendable {
  /// The frame is not inside guest memory.
  case outOfRange(frame: UInt64)
  /// Somebody owns the frame.
  case inUse(frame: UInt64, FrameOwnership)
  /// Nobody owns the frame.
  case unused(frame: UInt64)
  /// The frame is being constructed or destroyed.
  case busy(frame: UInt64)
  /// The frame has one owner that shares with nobody.
  case unique(frame: UInt64)
  /// The frame has the largest number of owners.
  case tooManyOwners(frame: UInt64)
  /// The ownership word is one that no transition leads to.
  case corrupt(frame: UInt64, word: UInt64)

  /// The stable name of the case, the same in every output format.
  public var id: String {
    switch self {
    case .outOfRange: "frame-out-of-range"
    case .inUse: "frame-in-use"
    case .unused: "frame-unused"
    case .busy: "frame-busy"
    case .unique: "frame-unique"
    case .tooManyOwners: "frame-too-many-owners"
    case .corrupt: "frame-metadata-corrupt"
    }
  }

  /// What happened, in lower case.
  public var message: String {
    switch self {
    case .outOfRange(let frame): "frame \(hexadecimal(frame)) is outside guest memory"
    case .inUse(let frame, let ownership):
      "frame \(hexadecimal(frame)) is in use: \(ownership)"
    case .unused(let frame): "nobody owns frame \(hexadecimal(frame))"
    case .busy(let frame): "frame \(hexadecimal(frame)) is being made or destroyed"
    case .unique(let frame): "frame \(hexadecimal(frame)) has one owner that does not share it"
    case .tooManyOwners(let frame): "frame \(hexadecimal(frame)) has too many owners"
    case .corrupt(let frame, let word):
      "the ownership word of frame \(hexadecimal(frame)) is \(hexadecimal(word))"
    }
  }

  /// What to do about it.
  public var hint: String {
    switch self {
    case .outOfRange: "use frames of the memory that the metadata is for"
    case .inUse: "wait until the owners are gone"
    case .unused: "allocate the frame first"
    case .busy: "try again"
    case .unique: "turn the unique handle into a shared one first"
    case .tooManyOwners: "drop handles that are no longer needed"
    case .corrupt: "find out who writes to the metadata"
    }
  }
}
