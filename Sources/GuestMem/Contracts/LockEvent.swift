// LockEvent: what a recorder of node locks writes down.

public import MMU

/// A node whose lock was taken, and where it stands in its table.
public struct LockedNode: Hashable, Sendable {
  /// The frame of the table's root.
  public var rootFrame: UInt64
  /// The frame of the node.
  public var frame: UInt64
  /// The level of the node.
  public var level: Level
  /// The first linear address that the node decides, or nil when nobody knows where it stands.
  public var linearAddress: LinearAddress?

  /// Takes the parts as they are.
  public init(rootFrame: UInt64, frame: UInt64, level: Level, linearAddress: LinearAddress?) {
    self.rootFrame = rootFrame
    self.frame = frame
    self.level = level
    self.linearAddress = linearAddress
  }
}

/// One lock that a thread took or released, as ``PageTableConfiguration/didLock(frame:level:)`` and
/// ``PageTableConfiguration/willUnlock(frame:level:)`` tell it.
public struct LockEvent: Hashable, Sendable {
  /// What a thread does with a lock.
  public enum Action: Hashable, Sendable {
    /// It has the lock from now on.
    case taken
    /// It had the lock until now.
    case released
  }

  /// What the thread did.
  public var action: Action
  /// The thread.
  public var thread: ThreadIdentifier
  /// The node.
  public var node: LockedNode

  /// Takes the parts as they are.
  public init(_ action: Action, by thread: ThreadIdentifier, _ node: LockedNode) {
    self.action = action
    self.thread = thread
    self.node = node
  }
}
