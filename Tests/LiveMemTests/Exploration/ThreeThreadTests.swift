// Three threads on tables of two entries and three levels, with bounded preemptions.

import GuestMem
import LiveMem
import MMU
import TestSupport
import Testing

@Suite("Three threads, every schedule with one preemption, or two")
struct ThreeThreadTests {
  /// Tables are unlinked, made, read, and their frames used again at the same time.
  static let scenarios: [Scenario] = [
    Scenario(
      start: [.map(0..<2, target: 9), .map(2..<3, target: 12)],
      threads: [[.unmap(0..<4)], [.map(1..<2, target: 16)], [.translate(2)]]),
    Scenario(
      start: [.map(0..<1, target: 9)],
      threads: [[.unmap(0..<2)], [.remap(0..<1, target: 20)], [.protect(0..<4)]]),
    Scenario(
      start: [.map(0..<1, target: 9), .map(2..<3, target: 12)],
      threads: [
        [.unmap(0..<2), .reclaim, .reclaim, .map(4..<5, target: 20)], [.translate(0)],
        [.map(3..<4, target: 16)],
      ]),
    Scenario(
      start: [.map(0..<2, target: 8)],
      threads: [[.protect(0..<1)], [.unmap(1..<2)], [.unmap(0..<2)]]),
  ]

  private func exploreAll<Configuration: TinyConfiguration>(
    _ kind: Configuration.Type
  ) throws -> ExplorationResult {
    let memory = try GuestMemory(
      byteCount: TinyWorld<Configuration>.frameCount * 4096, backing: .anonymous)
    var total = ExplorationResult()
    for scenario in Self.scenarios {
      let whole = scenario.explorer(kind, memory: memory.view)
      let result = BoundedExplorer(
        preemptions: TestSetting.depth(1, full: 2), makeRun: whole.makeRun
      ).explore()
      total.schedules += result.schedules
      total.steps += result.steps
      total.longest = max(total.longest, result.longest)
      if let (text, schedule) = result.violation {
        Issue.record("\(scenario): \(text); schedule \(schedule)")
      }
    }
    return total
  }

  @Test("adv")
  func advThree() throws {
    let result = try exploreAll(TinyAdv.self)
    print("adv, three threads: \(result.schedules) schedules, \(result.steps) steps")
    #expect(result.schedules > TestSetting.depth(1_000, full: 100_000))
  }

  @Test("rw")
  func rwThree() throws {
    let result = try exploreAll(TinyRW.self)
    print("rw, three threads: \(result.schedules) schedules, \(result.steps) steps")
    #expect(result.schedules > TestSetting.depth(1_000, full: 100_000))
  }
}
