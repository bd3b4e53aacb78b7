// FrameOwnership: who owns a frame, as one word.

/// The ownership of a frame: unused, under construction, owned by one, or shared by several.
///
/// All zero bits mean unused, so that untouched metadata needs no memory.
@frozen public enum FrameOwnership: Hashable, Sendable {
  /// Free; nobody refers to the frame.
  case unused
  /// Being constructed or destroyed; nobody else may touch it.
  case busy
  /// One owner that nobody can share with; mapped nowhere.
  case unique
  /// That many owners, at least 1: handles, leaves, table words and vCPUs.
  case shared(UInt64)
  /// A word that no transition leads to.
  case invalid(UInt64)

  /// The largest number of owners.
  public static let maximumOwnerCount: UInt64 = 1 << 62

  /// Reads the state out of its word.
  @inlinable
  public init(rawValue: UInt64) {
    switch rawValue {
    case 0: self = .unused
    case 1 << 63: self = .busy
    case 1 << 63 | 1: self = .unique
    case 1...(1 << 62): self = .shared(rawValue)
    default: self = .invalid(rawValue)
    }
  }

  /// The word that stands for the state.
  @inlinable public var rawValue: UInt64 {
    switch self {
    case .unused: 0
    case .busy: 1 << 63
    case .unique: 1 << 63 | 1
    case .shared(let count): count
    case .invalid(let word): word
    }
  }
}
