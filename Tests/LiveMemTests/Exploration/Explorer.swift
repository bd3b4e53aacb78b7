// Explorer: every schedule of some threads, up to steps whose order makes no difference.

import LiveMem

/// What an exploration found.
struct ExplorationResult {
  /// The schedules that were gone through.
  var schedules = 0
  /// Those among them that turned out to be like an earlier one.
  var redundant = 0
  /// The steps of all of them.
  var steps = 0
  /// The most steps of one.
  var longest = 0
  /// The first violation, and the schedule that shows it: a process for each step.
  var violation: (text: String, schedule: [Int])?
  /// The exploration ended before all schedules were tried.
  var isCut = false
}

/// Goes through the schedules of a protocol by running it again and again from the start.
///
/// Two steps conflict when they use the same word and one of them writes it; schedules that differ
/// only in the order of steps without conflict end alike, and one of them is enough. At each conflict
/// between steps that could have come in the other order, the other order is tried.
///
/// Source: C. Flanagan and P. Godefroid, Dynamic partial-order reduction for model checking software
/// (POPL 2005), with sleep sets.
struct Explorer {
  /// The most schedules that are tried.
  var scheduleLimit = 1_000_000
  /// The most steps of a run; more means that it does not end.
  var stepLimit = 5_000
  /// Makes the threads of a run from the same start, and a check that is called after every step and,
  /// with true, when all threads have ended; it answers what is wrong.
  let makeRun: () -> (threads: [() -> Void], check: (_ isOver: Bool) -> String?)

  private struct Node {
    var chosen: Int
    var enabled: UInt64
    var sleep: UInt64
    var done: UInt64 = 0
    var backtrack: UInt64
  }

  private struct Event {
    let process: Int
    let step: PlannedStep
    var clock: [Int]
  }

  /// Explores all schedules, until the first violation.
  func explore() -> ExplorationResult {
    var result = ExplorationResult()
    var nodes: [Node] = []
    while true {
      guard result.schedules < scheduleLimit else {
        result.isCut = true
        return result
      }
      let (threads, check) = makeRun()
      let schedule = Schedule(threads: threads)
      let path = run(schedule, check, &nodes, &result)
      result.schedules += 1
      result.steps += path.count
      result.longest = max(result.longest, path.count)
      if let violation = schedule.violation {
        result.violation = (violation, path)
        return result
      }
      // The next order to try, of the latest choice that has one.
      while var node = nodes.popLast() {
        node.done |= 1 << UInt64(node.chosen)
        let left = node.backtrack & node.enabled & ~node.done & ~node.sleep
        guard left != 0 else { continue }
        node.chosen = left.trailingZeroBitCount
        nodes.append(node)
        break
      }
      if nodes.isEmpty { return result }
    }
  }

  /// Runs one schedule: the choices of `nodes`, then on with new ones.
  private func run(
    _ schedule: Schedule, _ check: (Bool) -> String?, _ nodes: inout [Node],
    _ result: inout ExplorationResult
  ) -> [Int] {
    let processCount = schedule.processCount
    var events: [Event] = []
    var path: [Int] = []
    // The latest step of each process that is known to each process.
    var clocks = [[Int]](repeating: [Int](repeating: -1, count: processCount), count: processCount)
    // For each thread the clocks of the stores in its buffer.
    var storeClocks = [[[Int]]](repeating: [], count: schedule.threadCount)
    var byWord: [SharedWord: [Int]] = [:]
    var sleep: UInt64 = 0
    var isRedundant = false
    func noteStores() {
      for thread in 0..<schedule.threadCount {
        while storeClocks[thread].count < schedule.bufferedCount(thread) {
          storeClocks[thread].append(clocks[thread])
        }
      }
    }
    noteStores()
    if let problem = check(false) { schedule.fail(problem) }
    while schedule.violation == nil {
      var enabled: UInt64 = 0
      var steps = [PlannedStep?](repeating: nil, count: processCount)
      for process in 0..<processCount {
        steps[process] = schedule.next(process)
        if steps[process] != nil { enabled |= 1 << UInt64(process) }
      }
      if enabled == 0 {
        if !schedule.isOver {
          schedule.fail("threads \(schedule.unfinished) wait for each other for ever")
        } else if let problem = check(true) {
          schedule.fail(problem)
        }
        break
      }
      guard path.count < stepLimit else {
        schedule.fail("threads \(schedule.unfinished) have not ended after \(stepLimit) steps")
        break
      }
      let depth = path.count
      let chosen: Int
      if isRedundant {
        chosen = enabled.trailingZeroBitCount
      } else if depth < nodes.count {
        chosen = nodes[depth].chosen
        sleep = nodes[depth].sleep | nodes[depth].done
      } else {
        let awake = enabled & ~sleep
        if awake == 0 {
          isRedundant = true
          result.redundant += 1
          chosen = enabled.trailingZeroBitCount
        } else {
          // The thread that ran last goes on, if it can: fewest changes first.
          let last = path.last ?? 0
          chosen = awake & 1 << UInt64(last) != 0 ? last : awake.trailingZeroBitCount
          nodes.append(
            Node(
              chosen: chosen, enabled: enabled, sleep: sleep, backtrack: 1 << UInt64(chosen)))
        }
      }
      guard let step = steps[chosen] else {
        schedule.fail("a schedule cannot be repeated: process \(chosen) cannot go on")
        break
      }
      // What this process knows, with the stores that it makes visible or waits for.
      var clock = clocks[chosen]
      if chosen >= schedule.threadCount {
        let stores = storeClocks[chosen - schedule.threadCount].removeFirst()
        clock = joined(clock, stores)
      } else if case .change = step.kind {
        clock = joined(clock, clocks[schedule.threadCount + chosen])
      }
      let earlier = byWord[step.word, default: []]
      if !isRedundant {
        var seen: UInt64 = 0
        for index in earlier.reversed() {
          let event = events[index]
          let bit: UInt64 = 1 << UInt64(event.process)
          guard seen & bit == 0, event.process != chosen, event.step.conflicts(with: step) else {
            continue
          }
          seen |= bit
          // Known before: the order could not have been another.
          if index <= clock[event.process] { continue }
          addBacktrack(&nodes[index], chosen, after: index, events, clock)
        }
      }
      for index in earlier where events[index].step.conflicts(with: step) {
        clock = joined(clock, events[index].clock)
      }
      clock[chosen] = depth
      clocks[chosen] = clock
      byWord[step.word, default: []].append(depth)
      events.append(Event(process: chosen, step: step, clock: clock))
      path.append(chosen)
      // What slept goes on sleeping while nothing happens that concerns it.
      var stillAsleep: UInt64 = 0
      for process in 0..<processCount where sleep & 1 << UInt64(process) != 0 && process != chosen {
        if let other = steps[process], !other.conflicts(with: step) {
          stillAsleep |= 1 << UInt64(process)
        }
      }
      sleep = stillAsleep
      schedule.make(chosen)
      noteStores()
      if let problem = check(false) { schedule.fail(problem) }
    }
    return path
  }

  /// Lets the process, or one that leads to its step, come before the step at `index`.
  private func addBacktrack(
    _ node: inout Node, _ process: Int, after index: Int, _ events: [Event], _ clock: [Int]
  ) {
    let bit: UInt64 = 1 << UInt64(process)
    if node.enabled & bit != 0 {
      node.backtrack |= bit
      return
    }
    var leading: UInt64 = 0
    for later in (index + 1)..<events.count where later <= clock[events[later].process] {
      leading |= 1 << UInt64(events[later].process)
    }
    leading &= node.enabled
    if leading == 0 {
      node.backtrack |= node.enabled
    } else if node.backtrack & leading == 0 {
      node.backtrack |= 1 << UInt64(leading.trailingZeroBitCount)
    }
  }

  private func joined(_ first: [Int], _ second: [Int]) -> [Int] {
    var clock = first
    for index in clock.indices where second[index] > clock[index] { clock[index] = second[index] }
    return clock
  }
}

extension Explorer {
  /// Runs one schedule, to show again what it showed; processes that cannot go on are passed over.
  func replay(_ processes: [Int]) -> String? {
    let (threads, check) = makeRun()
    let schedule = Schedule(threads: threads)
    var left = processes[...]
    if let problem = check(false) { return problem }
    while schedule.violation == nil {
      var process = left.popFirst()
      if let wanted = process, schedule.next(wanted) == nil { process = nil }
      guard
        let process = process
          ?? (0..<schedule.processCount).first(where: { schedule.next($0) != nil })
      else {
        return schedule.isOver ? check(true) : "threads \(schedule.unfinished) wait for ever"
      }
      schedule.make(process)
      if let problem = check(false) { return problem }
    }
    return schedule.violation
  }
}
