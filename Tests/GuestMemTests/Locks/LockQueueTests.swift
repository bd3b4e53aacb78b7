// The queue of a fair lock in one word, against a list, in every state that four threads can reach.

import MMU
import Testing

@testable import GuestMem

/// What four threads and the word of a node look like, with the queue as a list.
private struct QueueWorld: Hashable {
  /// What a thread is doing; a place for one that waits.
  enum Doing: Hashable { case nothing, waiting(UInt64), holding }

  var state: NodeState
  var threads: [Doing]
  /// The threads that wait, the first one first.
  var queue: [Int] = []

  static func identifier(_ thread: Int) -> ThreadIdentifier {
    ThreadIdentifier(rawValue: UInt32(thread + 1))
  }

  /// What a thread can do next, each with what must come of it; the message of what does not.
  func steps(_ thread: Int) -> [Result<QueueWorld, Failure>] {
    var next = self
    let holder = threads.firstIndex(of: .holding)
    switch threads[thread] {
    case .nothing:
      guard state.isFree == (holder == nil && queue.isEmpty) else { return [.failure(.free)] }
      if state.isFree {
        next.state = state.locked(by: Self.identifier(thread))
        next.threads[thread] = .holding
        return [.success(next)]
      }
      guard let (joined, place) = state.joined() else {
        return state.queueLength == 16 ? [] : [.failure(.full)]
      }
      next.state = joined
      next.threads[thread] = .waiting(place)
      next.queue.append(thread)
      return [.success(next)]
    case .waiting(let place):
      var left = self
      left.state = state.left(place)
      left.threads[thread] = .nothing
      left.queue.removeAll { $0 == thread }
      let admitted = state.admitted(at: place, thread: Self.identifier(thread))
      guard (admitted != nil) == (holder == nil && queue.first == thread) else {
        return [.failure(.turn)]
      }
      guard let admitted else { return [.success(left)] }
      next.state = admitted
      next.threads[thread] = .holding
      next.queue.removeFirst()
      return [.success(left), .success(next)]
    case .holding:
      next.state = state.unlocked
      next.threads[thread] = .nothing
      return [.success(next)]
    }
  }

  enum Failure: Error { case free, full, turn }

  /// What does not fit together.
  var problem: String? {
    let places = threads.compactMap { if case .waiting(let place) = $0 { place } else { nil } }
    guard (0..<16).allSatisfy({ state.isWaiting(at: $0) == places.contains($0) }) else {
      return "the wrong threads wait"
    }
    guard state.waiterCount == queue.count, state.isQueueConsistent else { return "the places" }
    guard state.queueLength > 0 || queue.isEmpty else { return "the length" }
    let holder = threads.firstIndex(of: .holding)
    guard state.holder == holder.map(Self.identifier), state.isLocked == (holder != nil) else {
      return "the holder"
    }
    let isRest =
      state.level == .pageDirectory && state.presentCount == 512 && !state.isStray
      && state.rawValue & 0xfe00 == 0
    return isRest ? nil : "the rest of the word"
  }
}

@Suite("The queue of a fair lock is a queue")
struct LockQueueTests {
  @Test("Four threads that come, give up, are served and release, in every order")
  func everyState() throws {
    let start = QueueWorld(
      state: NodeState(level: .pageDirectory, presentCount: 512),
      threads: Array(repeating: .nothing, count: 4))
    var seen: Set<QueueWorld> = [start]
    var pending = [start]
    var stepCount = 0
    var longest: UInt64 = 0
    while let world = pending.popLast() {
      for thread in 0..<4 {
        for step in world.steps(thread) {
          stepCount += 1
          let next = try step.get()
          if let problem = next.problem {
            Issue.record("\(problem): \(next) after \(world)")
            return
          }
          longest = max(longest, next.state.queueLength)
          if seen.insert(next).inserted { pending.append(next) }
        }
      }
    }
    print("queue: \(seen.count) states, \(stepCount) steps, no new states")
    #expect(seen.count == 89_616 && stepCount == 430_528)
    #expect(longest == 16, "every place was used, those given up among them")
  }

  @Test("Sixteen wait in order and the next one does not")
  func capacity() throws {
    for first in 0..<16 as Range<UInt64> {
      var state = NodeState(level: .pageTable, presentCount: 3).locked(by: .current)
      state.rawValue |= first << 5
      var places: [UInt64] = []
      while let (next, place) = state.joined() {
        state = next
        places.append(place)
      }
      #expect(places == (0..<16).map { (first + $0) & 15 })
      #expect(state.waiterCount == 16 && state.isQueueConsistent)
      // All but the last give up, those in the middle first; then the last one's turn has come.
      for place in places.dropFirst().dropLast() { state = state.left(place) }
      #expect(state.waiterCount == 2 && state.queueLength == 16)
      state = state.left(first)
      #expect(state.waiterCount == 1 && state.queueLength == 1)
      let last = try #require(places.last)
      #expect(state.unlocked.admitted(at: last, thread: .current)?.queueLength == 0)
      #expect(state.left(last).queueLength == 0 && state.left(last).presentCount == 3)
    }
  }

  @Test("Places that make no sense are told from those that do, in every word")
  func consistency() {
    for first in 0..<16 as Range<UInt64> {
      for waiters in 0..<65536 as Range<UInt64> {
        let state = NodeState(rawValue: 1 << 2 | first << 5 | waiters << 26)
        let places = (0..<16).filter { state.isWaiting(at: ($0 + first) & 15) }
        guard state.isQueueConsistent == (places.isEmpty || places.first == 0),
          state.waiterCount == places.count, state.queueLength == places.last.map({ $0 + 1 }) ?? 0
        else {
          Issue.record("first \(first), waiters \(waiters)")
          return
        }
      }
    }
  }
}
