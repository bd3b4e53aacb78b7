// Scenario: some threads with some operations, from a start, and what must hold in every schedule.

import GuestMem
import LiveMem
import MMU

/// Threads that each perform some operations on the eight pages.
struct Scenario: CustomStringConvertible {
  var start: [TinyOperation]
  var threads: [[TinyOperation]]

  var description: String {
    let threads = threads.map { $0.map(\.description).joined(separator: ", ") }
    return "after [\(start.map(\.description).joined(separator: ", "))]: "
      + threads.joined(separator: " || ")
  }

  /// Every answer and end that some order of whole operations has.
  ///
  /// Only a reader, who takes no lock, comes between the two halves of a `remap`.
  private func serialResults() -> Set<SerialResult> {
    var model = TinyModel()
    for operation in start { _ = model.perform(operation) }
    var results: Set<SerialResult> = []
    func goOn(
      _ model: TinyModel, half: (thread: Int, pages: TinyModel)?, _ positions: [Int],
      _ answers: [[TinyAnswer]]
    ) {
      var isEnd = true
      for thread in threads.indices where positions[thread] < threads[thread].count {
        isEnd = false
        let operation = threads[thread][positions[thread]]
        var next = (model: model, half: half, positions: positions, answers: answers)
        if operation.takesNoLock, var pages = half?.pages {
          next.answers[thread].append(pages.perform(operation))
        } else if let half, half.thread != thread {
          continue
        } else {
          if case .remap = operation, half == nil {
            var pages = model
            pages.begin(operation)
            goOn(model, half: (thread, pages), positions, answers)
          }
          next.answers[thread].append(next.model.perform(operation))
          next.half = nil
        }
        next.positions[thread] += 1
        goOn(next.model, half: next.half, next.positions, next.answers)
      }
      if isEnd { results.insert(SerialResult(answers: answers, end: model)) }
    }
    goOn(model, half: nil, threads.map { _ in 0 }, threads.map { _ in [] })
    return results
  }

  private struct SerialResult: Hashable {
    let answers: [[TinyAnswer]]
    let end: TinyModel
  }

  private final class Answers {
    var byThread: [[TinyAnswer]]
    init(count: Int) { byThread = .init(repeating: [], count: count) }
  }

  /// An exploration of the scenario under a protocol.
  func explorer<Configuration: TinyConfiguration>(
    _: Configuration.Type, memory: MemoryView, scheduleLimit: Int = 1_000_000
  ) -> Explorer {
    let expected = serialResults()
    return Explorer(scheduleLimit: scheduleLimit) {
      guard let world = try? TinyWorld<Configuration>(memory: memory) else {
        return ([], { _ in "no memory for a table" })
      }
      for operation in start { _ = world.perform(operation, thread: 9) }
      let answers = Answers(count: threads.count)
      let bodies: [() -> Void] = threads.indices.map { thread in
        {
          for operation in threads[thread] {
            answers.byThread[thread].append(world.perform(operation, thread: thread).0)
          }
        }
      }
      return (
        bodies,
        { isOver in
          guard isOver else { return world.problem() }
          if let problem = world.finalProblem() { return problem }
          guard let end = try? world.model() else { return "the tables cannot be read" }
          let result = SerialResult(answers: answers.byThread, end: end)
          return expected.contains(result)
            ? nil : "no order of whole operations has these answers: \(answers.byThread), \(end)"
        }
      )
    }
  }
}
