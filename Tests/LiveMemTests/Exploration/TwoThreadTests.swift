// Every schedule of two threads on tables of two entries and three levels.

import GuestMem
import LiveMem
import MMU
import Testing

@Suite("Two threads, every schedule")
struct TwoThreadTests {
  /// Starts that differ in which tables there are.
  static let starts: [[TinyOperation]] = [
    [],
    [.map(0..<1, target: 8)],
    // Pages of one table, of two, and a large leaf.
    [.map(0..<1, target: 9), .map(1..<2, target: 12), .map(3..<4, target: 15)],
    [.map(0..<2, target: 8), .map(4..<5, target: 11)],
  ]

  static let operations: [TinyOperation] = [
    .map(0..<1, target: 16), .map(1..<3, target: 17), .map(0..<4, target: 8),
    .unmap(0..<1), .unmap(0..<2), .unmap(1..<4), .unmap(0..<4),
    .protect(0..<1), .protect(0..<4), .remap(0..<2, target: 20), .translate(0), .translate(3),
  ]

  private func exploreAll<Configuration: TinyConfiguration>(
    _ kind: Configuration.Type
  ) throws -> ExplorationResult {
    let memory = try GuestMemory(
      byteCount: TinyWorld<Configuration>.frameCount * 4096, backing: .anonymous)
    var total = ExplorationResult()
    for start in Self.starts {
      for (index, first) in Self.operations.enumerated() {
        for second in Self.operations[index...] {
          let scenario = Scenario(start: start, threads: [[first], [second]])
          let result = scenario.explorer(kind, memory: memory.view).explore()
          total.schedules += result.schedules
          total.redundant += result.redundant
          total.steps += result.steps
          total.longest = max(total.longest, result.longest)
          if let (text, schedule) = result.violation {
            Issue.record("\(scenario): \(text); schedule \(schedule)")
            return total
          }
          #expect(!result.isCut, "\(scenario)")
        }
      }
    }
    return total
  }

  /// What every schedule of the pairs is at least; a smaller number means that some were not tried.
  private func expect(_ result: ExplorationResult, _ name: String, schedules: Int) {
    print(
      "\(name): \(result.schedules) schedules, \(result.steps) steps, longest \(result.longest)")
    #expect(result.schedules >= schedules, "\(name)")
  }

  @Test("adv: some order of whole operations explains every answer, and every moment is sound")
  func adv() throws {
    expect(try exploreAll(TinyAdv.self), "adv", schedules: 30_000)
  }

  @Test("rw: the same")
  func rw() throws {
    expect(try exploreAll(TinyRW.self), "rw", schedules: 6_000)
  }

  @Test("One lock: the same")
  func oneLock() throws {
    expect(try exploreAll(TinyOneLock.self), "one lock", schedules: 3_500)
  }

  /// A table goes, its frame comes back and is another table, while somebody is on the way through.
  private static let reuse: [Scenario] = [
    .translate(0), .map(1..<2, target: 16), .unmap(0..<1), .protect(0..<2),
    .remap(0..<1, target: 20),
  ].map { operation in
    Scenario(
      start: [.map(0..<1, target: 9)],
      threads: [
        [.unmap(0..<2), .reclaim, .reclaim, .reclaim, .map(4..<5, target: 20)], [operation],
      ])
  }

  private func exploreReuse<Configuration: TinyConfiguration>(
    _ kind: Configuration.Type
  ) throws -> ExplorationResult {
    let memory = try GuestMemory(
      byteCount: TinyWorld<Configuration>.frameCount * 4096, backing: .anonymous)
    var total = ExplorationResult()
    for scenario in Self.reuse {
      let result = scenario.explorer(kind, memory: memory.view).explore()
      total.schedules += result.schedules
      total.steps += result.steps
      #expect(result.violation == nil, "\(scenario): \(String(describing: result.violation))")
      #expect(!result.isCut)
    }
    return total
  }

  @Test("A frame is not used again while somebody may be reading it")
  func reuse() throws {
    expect(try exploreReuse(TinyAdv.self), "adv, frames used again", schedules: 1_000)
    expect(try exploreReuse(TinyRW.self), "rw, frames used again", schedules: 500)
  }
}
