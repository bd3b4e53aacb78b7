// Every schedule of two threads that mark pages, ask for marks, and handle faults by them.

import GuestMem
import MMU
import TestSupport
import Testing

@testable import LiveMem

@Suite("Marks in absent entries, every schedule")
struct MarkTests {
  /// Marks in entries of each level, beside pages and below tables that are there.
  private static let starts: [[TinyOperation]] = [
    [],
    [.mark(0..<4, payload: 50)],
    [.mark(0..<2, payload: 50), .map(3..<4, target: 9)],
    [.map(0..<1, target: 9), .mark(1..<4, payload: 51)],
  ]

  private static let operations: [TinyOperation] = [
    .mark(0..<1, payload: 60), .mark(1..<3, payload: 61), .mark(0..<4, payload: 62),
    .clear(0..<1), .clear(1..<4), .clear(0..<4),
    .map(0..<1, target: 16), .map(1..<3, target: 17), .unmap(1..<2), .unmap(0..<4),
    .protect(0..<4), .remap(0..<2, target: 20), .status(0), .status(3), .fault(1), .fault(3),
  ]

  private func exploreAll<Configuration: TinyConfiguration>(
    _ kind: Configuration.Type, _ name: String
  ) throws {
    let memory = try GuestMemory(
      byteCount: TinyWorld<Configuration>.frameCount * 4096, backing: .anonymous)
    var total = ExplorationResult()
    for start in Self.starts {
      for (index, first) in Self.operations.enumerated() {
        for second in Self.operations[index...] {
          let scenario = Scenario(start: start, threads: [[first], [second]])
          let result = scenario.explorer(kind, memory: memory.view).explore()
          total.schedules += result.schedules
          total.steps += result.steps
          total.longest = max(total.longest, result.longest)
          if let (text, schedule) = result.violation {
            Issue.record("\(scenario): \(text); schedule \(schedule)")
            return
          }
          #expect(!result.isCut, "\(scenario)")
        }
      }
    }
    print("\(name), marks: \(total.schedules) schedules, \(total.steps) steps")
    #expect(total.schedules > 2_000)
  }

  @Test("adv: some order of whole operations explains every answer, and no page loses its mark")
  func adv() throws { try exploreAll(TinyAdv.self, "adv") }

  @Test("rw: the same")
  func rw() throws { try exploreAll(TinyRW.self, "rw") }

  @Test("One lock: the same")
  func oneLock() throws { try exploreAll(TinyOneLock.self, "one lock") }
}
