// LockOrderViolation: locks that were taken or released in a wrong order.

internal import MMU

/// What is wrong with the order of locks.
public enum LockOrderViolation: Hashable, Sendable, CustomStringConvertible {
  /// A node was taken by a thread that held a node below it.
  case parentAfterChild(LockEvent, holding: LockedNode)
  /// A node was taken by a thread that held a node behind it in preorder.
  case descending(LockEvent, holding: LockedNode)
  /// A thread released what it did not hold.
  case notHeld(LockEvent)
  /// Each of these nodes was taken while the next one was held, and the last one while the first
  /// was: threads that do so at once wait for each other for ever.
  case cycle([LockedNode])
  /// A node is still held at the end of the recording.
  case neverReleased(LockedNode, by: ThreadIdentifier)

  /// The stable name of the case.
  public var id: String {
    switch self {
    case .parentAfterChild: "parent-after-child"
    case .descending: "descending"
    case .notHeld: "not-held"
    case .cycle: "cycle"
    case .neverReleased: "never-released"
    }
  }

  /// One line with everything.
  public var description: String {
    switch self {
    case .parentAfterChild(let event, let other), .descending(let event, let other):
      "\(id): thread \(event.thread.rawValue) took \(event.node.words) while it held \(other.words)"
    case .notHeld(let event):
      "\(id): thread \(event.thread.rawValue) released \(event.node.words), which it did not hold"
    case .cycle(let nodes):
      "\(id): " + nodes.map { $0.words }.joined(separator: " after ")
    case .neverReleased(let node, let thread):
      "\(id): thread \(thread.rawValue) still holds \(node.words)"
    }
  }
}

extension LockedNode {
  /// The node in a sentence.
  var words: String {
    let place = linearAddress.map { "for \(hexadecimal($0.rawValue))" } ?? "of unknown place"
    return "the \(level.abbreviation) \(place) (frame \(hexadecimal(frame)))"
  }
}
