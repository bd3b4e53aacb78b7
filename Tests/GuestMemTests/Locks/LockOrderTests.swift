// What the checker of the order of locks finds, shown by every kind of deliberate violation.

import MMU
import Testing

@testable import GuestMem

@Suite("Locks in an order in which threads could wait for ever are found")
struct LockOrderTests {
  static let first = ThreadIdentifier(rawValue: 1)
  static let second = ThreadIdentifier(rawValue: 2)

  /// A node of a table of 512 entries; the frame stands for the place.
  static func node(
    _ level: Level, _ address: UInt64?, root: UInt64 = 9, frame: UInt64? = nil
  ) -> LockedNode {
    LockedNode(
      rootFrame: root, frame: frame ?? UInt64(level.rawValue) << 60 | (address ?? 0),
      level: level, linearAddress: address.map { linear($0) })
  }

  @Test("A violation names threads and nodes, and their places where these are known")
  func words() {
    let known = Self.node(.pageTable, 0x20_0000, frame: 7)
    let unknown = Self.node(.pageDirectory, nil, frame: 8)
    let violations: [(LockOrderViolation, String)] = [
      (.neverReleased(known, by: Self.first), "still holds the PT for 0x200000 (frame 0x7)"),
      (.neverReleased(unknown, by: Self.second), "still holds the PD of unknown place (frame 0x8)"),
      (.cycle([known, unknown]), "the PT for 0x200000 (frame 0x7) after the PD of unknown place"),
      (
        .notHeld(LockEvent(.released, by: Self.second, known)),
        "thread 2 released the PT for 0x200000 (frame 0x7), which it did not hold"
      ),
      (
        .descending(LockEvent(.taken, by: Self.first, known), holding: unknown),
        "thread 1 took the PT for 0x200000 (frame 0x7) while it held the PD of unknown place"
      ),
    ]
    for (violation, words) in violations {
      #expect(violation.description.contains(words))
      #expect(violation.description.hasPrefix(violation.id + ": "))
    }
  }

  static func find(_ steps: [(LockEvent.Action, ThreadIdentifier, LockedNode)]) -> [String] {
    LockOrder<NativePaging>.violations(in: steps.map { LockEvent($0.0, by: $0.1, $0.2) }).map {
      $0.id
    }
  }

  static let root = node(.pageMapLevel4, 0)
  static let upper = node(.pageDirectoryPointerTable, 0)
  static let low = node(.pageTable, 0x20_0000)
  static let high = node(.pageTable, 0x40_0000)

  /// Takes and releases the nodes, one inside the other.
  static func nested(
    _ thread: ThreadIdentifier, _ nodes: LockedNode...
  ) -> [(LockEvent.Action, ThreadIdentifier, LockedNode)] {
    nodes.map { (.taken, thread, $0) } + nodes.reversed().map { (.released, thread, $0) }
  }

  @Test("Preorder is right, hand over hand or nested, and on several threads")
  func right() {
    let nested = Self.nested(Self.first, Self.root, Self.upper, Self.low, Self.high)
    #expect(Self.find(nested) == [])
    #expect(Self.find(nested + Self.nested(Self.second, Self.root, Self.low, Self.high)) == [])
    #expect(
      Self.find([
        (.taken, Self.first, Self.root), (.taken, Self.first, Self.upper),
        (.released, Self.first, Self.root), (.taken, Self.first, Self.low),
        (.released, Self.first, Self.upper), (.released, Self.first, Self.low),
      ]) == [])
    // A node behind all of another one may be higher.
    let behind = Self.node(.pageDirectoryPointerTable, 1 << 39)
    #expect(Self.find(Self.nested(Self.first, Self.low, behind)) == [])
    // One after the other is no order.
    #expect(Self.find(Self.nested(Self.first, Self.high) + Self.nested(Self.first, Self.low)) == [])
  }

  @Test("A parent after its child, at every pair of levels")
  func parents() {
    for upper in 2...4 as ClosedRange<UInt8> {
      for lower in 1..<upper {
        let above = Self.node(Level(rawValue: upper) ?? .pageTable, 0)
        let last = Level(rawValue: upper)?.span ?? 0
        for address in [0, last &* 512 &- 0x1000] {
          let below = Self.node(Level(rawValue: lower) ?? .pageTable, address)
          #expect(Self.find(Self.nested(Self.first, below, above)) == ["parent-after-child"])
        }
        let behind = Self.node(Level(rawValue: lower) ?? .pageTable, last &* 512)
        #expect(Self.find(Self.nested(Self.first, behind, above)) == ["descending"])
      }
    }
  }

  @Test("Two nodes of one level by descending address")
  func descending() {
    #expect(Self.find(Self.nested(Self.first, Self.high, Self.low)) == ["descending"])
    #expect(
      Self.find(Self.nested(Self.first, Self.root, Self.high, Self.low)) == ["descending"])
    // Between halves: the upper one comes later.
    let upper = Self.node(.pageTable, 0xffff_8000_0000_0000)
    #expect(Self.find(Self.nested(Self.first, upper, Self.low)) == ["descending"])
    #expect(Self.find(Self.nested(Self.first, Self.low, upper)) == [])
  }

  @Test("Releases of what was not held, or not by this thread, and what is held at the end")
  func releases() {
    #expect(Self.find([(.released, Self.first, Self.low)]) == ["not-held"])
    #expect(
      Self.find([(.taken, Self.first, Self.low), (.released, Self.second, Self.low)])
        == ["not-held", "never-released"])
    #expect(
      Self.find(Self.nested(Self.first, Self.low) + [(.released, Self.first, Self.low)])
        == ["not-held"])
    #expect(Self.find([(.taken, Self.first, Self.low)]) == ["never-released"])
  }

  @Test("Cycles of two and three threads, where no thread alone is wrong")
  func cycles() {
    let nodes = (0..<3).map { Self.node(.pageTable, nil, frame: 100 + $0) }
    let third = ThreadIdentifier(rawValue: 3)
    let two =
      Self.nested(Self.first, nodes[0], nodes[1]) + Self.nested(Self.second, nodes[1], nodes[0])
    #expect(Self.find(two) == ["cycle"])
    let three =
      Self.nested(Self.first, nodes[0], nodes[1]) + Self.nested(Self.second, nodes[1], nodes[2])
    #expect(Self.find(three) == [])
    #expect(Self.find(three + Self.nested(third, nodes[2], nodes[0])) == ["cycle"])
    #expect(Self.find(three + Self.nested(third, nodes[0], nodes[2])) == [])
    // Between two tables, each of which is in order.
    let user = Self.node(.pageMapLevel4, 0, root: 1)
    let kernel = Self.node(.pageMapLevel4, 0, root: 2)
    let both = Self.nested(Self.first, kernel, user) + Self.nested(Self.second, user, kernel)
    #expect(Self.find(both) == ["cycle"])
    // The whole cycle is told, each node after the one that was held.
    let found = LockOrder<NativePaging>.violations(
      in: (three + Self.nested(third, nodes[2], nodes[0])).map { LockEvent($0.0, by: $0.1, $0.2) })
    guard case .cycle(let cycle)? = found.first else {
      Issue.record("\(found)")
      return
    }
    #expect(cycle.map { $0.frame } == [102, 101, 100])
    #expect(found.first?.description.contains("of unknown place (frame 0x66) after") == true)
  }
}
