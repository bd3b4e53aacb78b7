// LiveTableError: why an operation on shared tables was refused.

public import GuestMem

/// The reason an operation on shared tables was refused; nothing has changed then, but for
/// ``interrupted(_:)``.
public enum LiveTableError: Error, Hashable, Sendable {
  /// What one thread's tables would have refused as well, or a lock that was not free in time.
  case table(PageTableError)
  /// A guest wrote into the tables between the check of an operation and its end, and the operation
  /// came across it.
  ///
  /// What the operation had changed before stays changed and is sent to the processors; a ticket for
  /// it comes from ``ProcessorSet/ticket()``. The error inside names the entry, or says that what the
  /// guest wrote takes more frames than were counted.
  case interrupted(PageTableError)
  /// The payload of a mark, or of a page behind it, is not below the limit of its kind; nobody but a guest
  /// writes such an entry.
  case markPayload(Mark, limit: UInt64)
  /// As many pins as there can be at a time last too long.
  case pinsExhausted(capacity: Int)
  /// Leaves of this kind of table own frames, which shared tables do not support.
  case ownedLeaves
  /// The processor's number is not below the number of processors of the space.
  case noSuchProcessor(Int, count: Int)
  /// The processor uses the space already, or does not use it.
  case processorState(Int, isActive: Bool)

  /// The stable name of the case.
  public var id: String {
    switch self {
    case .table(let error): error.id
    case .interrupted: "interrupted"
    case .markPayload: "mark-payload"
    case .pinsExhausted: "pins-exhausted"
    case .ownedLeaves: "owned-leaves"
    case .noSuchProcessor: "no-such-processor"
    case .processorState: "processor-state"
    }
  }
}

extension LiveTableError: CustomStringConvertible {
  /// What happened, and what to do about it.
  public var description: String {
    switch self {
    case .table(let error): "\(error)"
    case .interrupted(let error):
      "a guest wrote into the tables during the operation, of which a part is made: \(error); "
        + "keep the tables out of the guest's reach, or look at the range and try again"
    case .markPayload(let mark, let limit):
      "a mark of kind \(mark.kind.id) has the payload \(mark.payload), and all of its pages must be "
        + "below \(limit); give the table other limits, or treat the page as absent where a guest "
        + "wrote the mark"
    case .pinsExhausted(let capacity):
      "all \(capacity) pins of the epoch domain are in use; "
        + "make the domain with more, or end cursors and queries sooner"
    case .ownedLeaves:
      "this kind of table has leaves that own their frames, which shared tables do not support; "
        + "use a kind whose leafOwnership is none"
    case .noSuchProcessor(let number, let count):
      "processor \(number) does not exist: the address space is for \(count), numbered from 0"
    case .processorState(let number, let isActive):
      isActive
        ? "processor \(number) uses the address space already; end its use first"
        : "processor \(number) does not use the address space; begin its use first"
    }
  }
}
