// AdoptionError: why tables that somebody else made could not be adopted.

public import MMU

/// The reason tables were not adopted; nothing has changed then.
public enum AdoptionError: Error, Hashable, Sendable {
  /// CR3 points at a root where no memory is.
  case rootOutsideMemory(UInt64)
  /// The allocator could give out the frame of the table at `address`, which is used at `level` for
  /// `linearAddress`.
  case tableIsFree(address: UInt64, level: Level, linearAddress: UInt64)
  /// The table at `address`, used at `level` for `linearAddress`, is a node of the same allocator.
  case tableIsNode(address: UInt64, level: Level, linearAddress: UInt64)
  /// The root could not be copied.
  case refused(PageTableError)

  /// The stable name of the case, the same in every output format.
  public var id: String {
    switch self {
    case .rootOutsideMemory: "root-outside-memory"
    case .tableIsFree: "table-is-free"
    case .tableIsNode: "table-is-node"
    case .refused(let error): error.id
    }
  }

  /// What happened, in lower case.
  public var message: String {
    switch self {
    case .rootOutsideMemory(let address): "no memory is at \(hexadecimal(address)), the root"
    case .tableIsFree(let address, let level, let linear):
      "the \(level.abbreviation) at \(hexadecimal(address)), used for \(hexadecimal(linear)), is in"
        + " memory that is free"
    case .tableIsNode(let address, let level, let linear):
      "the \(level.abbreviation) at \(hexadecimal(address)), used for \(hexadecimal(linear)),"
        + " belongs to a table of the same allocator"
    case .refused(let error): error.message
    }
  }

  /// What to do about it.
  public var hint: String {
    switch self {
    case .rootOutsideMemory: "pass the CR3 of the tables, and the memory that they are in"
    case .tableIsFree: "reserve the memory of the adopted tables first"
    case .tableIsNode: "change that table itself, or clone it"
    case .refused(let error): error.hint
    }
  }
}
