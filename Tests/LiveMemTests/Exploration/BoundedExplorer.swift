// BoundedExplorer: every schedule in which threads are interrupted only a few times.

import LiveMem

/// Goes through the schedules of threads in which at most so many threads are stopped although they
/// could go on.
///
/// What most mistakes need is few such changes at the right places. A store becomes visible at once
/// here: the order of stores is the affair of ``Explorer``.
///
/// Source: M. Musuvathi and S. Qadeer, Iterative context bounding for systematic testing of
/// multithreaded programs (PLDI 2007).
struct BoundedExplorer {
  /// The most changes away from a thread that could go on.
  let preemptions: Int
  var stepLimit = 5_000
  let makeRun: () -> (threads: [() -> Void], check: (_ isOver: Bool) -> String?)

  private struct Choice {
    /// The threads that could go on, first the one that did before.
    let options: [Int]
    var taken: Int
    /// The changes before this choice.
    let spent: Int
    let isForced: Bool
  }

  func explore() -> ExplorationResult {
    var result = ExplorationResult()
    var choices: [Choice] = []
    while true {
      let (threads, check) = makeRun()
      let schedule = Schedule(threads: threads, buffersStores: false)
      let path = run(schedule, check, &choices)
      result.schedules += 1
      result.steps += path.count
      result.longest = max(result.longest, path.count)
      if let violation = schedule.violation {
        result.violation = (violation, path)
        return result
      }
      while let last = choices.last, !hasNext(last) { choices.removeLast() }
      guard !choices.isEmpty else { return result }
      choices[choices.count - 1].taken += 1
    }
  }

  private func hasNext(_ choice: Choice) -> Bool {
    choice.taken + 1 < choice.options.count && (choice.isForced || choice.spent < preemptions)
  }

  private func run(
    _ schedule: Schedule, _ check: (Bool) -> String?, _ choices: inout [Choice]
  ) -> [Int] {
    var path: [Int] = []
    var spent = 0
    if let problem = check(false) { schedule.fail(problem) }
    while schedule.violation == nil {
      var options = (0..<schedule.threadCount).filter { schedule.next($0) != nil }
      if options.isEmpty {
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
      let last = path.last
      let isForced = last.map { !options.contains($0) } ?? true
      if let last, !isForced { options = [last] + options.filter { $0 != last } }
      if choices.count == path.count {
        choices.append(Choice(options: options, taken: 0, spent: spent, isForced: isForced))
      }
      let choice = choices[path.count]
      if !choice.isForced && choice.taken > 0 { spent += 1 }
      let thread = choice.options[choice.taken]
      path.append(thread)
      schedule.make(thread)
      if let problem = check(false) { schedule.fail(problem) }
    }
    return path
  }
}
