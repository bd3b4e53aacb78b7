// LockOrder: judges the order in which threads took the locks of nodes.

internal import MMU

/// A check of recorded locks: no thread may take them in an order in which threads could wait for
/// each other for ever.
///
/// The order is preorder: a parent before its children, and children by ascending linear address.
/// The order of the events of each thread counts, and how those of several threads are mixed does
/// not. A node whose place is not known takes part in the search for cycles only.
public struct LockOrder<Configuration: PageTableConfiguration>: Sendable {
  /// What was found so far.
  public private(set) var violations: [LockOrderViolation] = []
  /// The number of events so far.
  public private(set) var eventCount = 0
  /// The nodes that each thread holds, in the order in which it took them.
  private var held: [ThreadIdentifier: [LockedNode]] = [:]
  /// What was taken by any thread while it held the first node of each pair.
  private var takenAfter: [Place: [Place: LockedNode]] = [:]

  /// A node among all that were recorded: by its place, because frames are used again.
  private enum Place: Hashable {
    case known(root: UInt64, level: Level, LinearAddress)
    case unknown(frame: UInt64)

    init(_ node: LockedNode) {
      if let address = node.linearAddress {
        self = .known(root: node.rootFrame, level: node.level, address)
      } else {
        self = .unknown(frame: node.frame)
      }
    }
  }

  /// Nothing was recorded yet.
  public init() {}

  /// Everything that is wrong with a complete recording; empty when all is well.
  ///
  /// - Complexity: linear in the number of events, and for each pair of nodes that is held together
  ///   for the first time, linear in the number of such pairs.
  public static func violations(in events: [LockEvent]) -> [LockOrderViolation] {
    var order = LockOrder()
    for event in events { order.add(event) }
    order.end()
    return order.violations
  }

  /// Judges one more event.
  public mutating func add(_ event: LockEvent) {
    eventCount += 1
    switch event.action {
    case .taken:
      for other in held[event.thread, default: []] {
        judge(event, holding: other)
        connect(other, event.node)
      }
      held[event.thread, default: []].append(event.node)
    case .released:
      let place = held[event.thread]?.lastIndex { $0.frame == event.node.frame }
      guard let place else { return violations.append(.notHeld(event)) }
      held[event.thread]?.remove(at: place)
    }
  }

  /// Judges what is held when the recording ends.
  public mutating func end() {
    for (thread, nodes) in held.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      for node in nodes { violations.append(.neverReleased(node, by: thread)) }
    }
    held = [:]
  }

  private mutating func judge(_ event: LockEvent, holding other: LockedNode) {
    guard event.node.rootFrame == other.rootFrame, let taken = event.node.linearAddress,
      let before = other.linearAddress
    else { return }
    let isAbove = event.node.level > other.level
    guard taken < before || taken == before && isAbove else { return }
    let span = Configuration.span(UInt64(event.node.level.rawValue) &+ 1)
    if isAbove, before.rawValue &- taken.rawValue < span {
      violations.append(.parentAfterChild(event, holding: other))
    } else {
      violations.append(.descending(event, holding: other))
    }
  }

  /// Notes that `second` was taken while `first` was held, and looks for a way back.
  private mutating func connect(_ first: LockedNode, _ second: LockedNode) {
    let start = Place(second)
    let goal = Place(first)
    guard takenAfter[goal]?[start] == nil else { return }
    takenAfter[goal, default: [:]][start] = second
    var earlier: [Place: Place] = [:]
    var nodes = [start: second]
    var pending = [start]
    while let place = pending.popLast() {
      if place == goal {
        var cycle: [LockedNode] = []
        var step: Place? = goal
        while let at = step {
          if let node = nodes[at] { cycle.append(node) }
          step = earlier[at]
        }
        return violations.append(.cycle(cycle))
      }
      for (next, node) in takenAfter[place, default: [:]] where nodes[next] == nil {
        earlier[next] = place
        nodes[next] = node
        pending.append(next)
      }
    }
  }
}
