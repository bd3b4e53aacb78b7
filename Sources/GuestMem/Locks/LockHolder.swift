// LockHolder: who has a lock, as an error tells it.

public import CLinux

/// The kernel's id of a thread, 1 to 2^22 - 1; a thread that has ended may give it to a later one.
///
/// Source: Linux, PID_MAX_LIMIT.
@frozen public struct ThreadIdentifier: RawRepresentable, Hashable, Sendable {
  /// The number, as `gettid` answers it.
  public let rawValue: UInt32

  /// Takes the number as it is.
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// The calling thread's.
  @inlinable @inline(__always) public static var current: ThreadIdentifier {
    ThreadIdentifier(rawValue: clinux_thread_identifier())
  }
}

/// Who held a lock when it was refused.
///
/// A lock counts as held by the thread that took it, wherever its guard was moved since, and also
/// after that thread has ended.
@frozen public enum LockHolder: Hashable, Sendable {
  /// The thread that asked: it would wait for itself.
  case thisThread(ThreadIdentifier)
  /// Another thread.
  case otherThread(ThreadIdentifier)
  /// No thread any more: the lock was released meanwhile, or goes to threads that wait for it.
  case nobody

  /// The holder that a node's state names.
  @usableFromInline
  init(_ state: NodeState) {
    guard state.isLocked, let holder = state.holder else {
      self = .nobody
      return
    }
    self = holder == .current ? .thisThread(holder) : .otherThread(holder)
  }

  /// The second half of a sentence that begins with what is locked.
  var words: String {
    switch self {
    case .thisThread(let thread): "is locked by this thread (\(thread.rawValue))"
    case .otherThread(let thread): "is locked by thread \(thread.rawValue)"
    case .nobody: "is free again, or promised to a thread that waits for it"
    }
  }

  /// What to do about it.
  var hint: String {
    switch self {
    case .thisThread: "end the guard or cursor of this thread that holds it first"
    case .otherThread:
      "wait longer, or end the guard or cursor of that thread; one that has ended left it locked"
    case .nobody: "try again"
    }
  }
}
