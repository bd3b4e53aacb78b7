// NodeState: what is known about a page-table node beyond its words, packed into one word.

public import MMU

/// The state of a frame as a page-table node: level, present entries, lock and stray mark.
///
/// It stands in host memory, so that a guest cannot change it. With ``NodeLock/spin`` only the
/// holder stores the word while the lock bit is set, and others change it by compare-exchange from
/// an unlocked value; with ``NodeLock/fair`` threads that wait change it too, and every change of a
/// node that can be reached is one locked operation.
@frozen public struct NodeState: Hashable, Sendable {
  /// Bit 0 lock, bit 1 stray, bits 4:2 level (0: not a node), bits 25:16 present entries, bits 63:42
  /// the thread that holds the lock.
  ///
  /// Of a fair lock bits 8:5 are the number of the first place where a thread waits, and bits 41:26
  /// tell at which of the 16 places from there on threads wait.
  public var rawValue: UInt64

  /// Takes the bits as they are.
  @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// A node of `level` with `presentCount` present entries, unlocked and not stray.
  @inlinable
  public init(level: Level, presentCount: Int) {
    rawValue = UInt64(level.rawValue) &<< 2 | UInt64(truncatingIfNeeded: presentCount) &<< 16
  }

  /// The node was unlinked from its parent and may still be reached by readers that came earlier.
  @inlinable public var isStray: Bool {
    get { rawValue & 2 != 0 }
    set { rawValue = rawValue & ~2 | (newValue ? 2 : 0) }
  }

  /// The level of the node, or nil when the frame is not a node.
  @inlinable public var level: Level? { Level(rawValue: UInt8((rawValue &>> 2) & 7)) }

  /// The number of the level, or 0 when the frame is not a node.
  @inlinable package var levelNumber: UInt64 { (rawValue &>> 2) & 7 }

  /// The number of present entries, 0 to 512; of a root only those in the slots it owns.
  @inlinable public var presentCount: Int {
    get { Int(UInt16(truncatingIfNeeded: rawValue &>> 16) & 0x3ff) }
    set {
      rawValue =
        rawValue & ~0x3ff_0000 | (UInt64(truncatingIfNeeded: newValue) & 0x3ff) &<< 16
    }
  }

  /// True for a frame that is a node of `level`.
  @inlinable public func isNode(of level: Level) -> Bool {
    isNode(ofLevelNumber: UInt64(level.rawValue))
  }

  @inlinable @inline(__always)
  package func isNode(ofLevelNumber level: UInt64) -> Bool { rawValue & 0x1c == level &<< 2 }

  /// True for an unlocked node of the level whose number is `level` that was not unlinked.
  ///
  /// One comparison of a byte: its bits 7:5 are 0 besides in fair locks, which go a longer way.
  @inlinable @inline(__always)
  func isFreeNode(ofLevelNumber level: UInt64) -> Bool {
    UInt8(truncatingIfNeeded: rawValue) == UInt8(truncatingIfNeeded: level &<< 2)
  }

  /// The same with one more present entry, of a node whose lock nobody waits for.
  ///
  /// A guest that makes entries absent can make the number wrong, modulo 1024, and nothing else.
  @inlinable @inline(__always) var withOneMorePresent: NodeState {
    NodeState(rawValue: (rawValue &+ 1 &<< 16) & ~NodeState.firstWaiterBit)
  }

  /// A node of the level whose number is `level`, 1 to 5.
  @inlinable @inline(__always)
  package init(levelNumber level: UInt64, presentCount: Int) {
    rawValue = level &<< 2 | UInt64(truncatingIfNeeded: presentCount) &<< 16
  }
}
