// A batch that kills guests is divided until every culprit stands alone, and everything else runs.

import TestSupport
import Testing

@testable import Probe

@Suite("A batch is divided until the culprits stand alone")
struct BatchPartsTests {
  /// Runs `count` elements, of which `culprits` kill the guest, which says that it was at `record`.
  private static func run(
    _ count: Int, culprits: Set<Int>, record: (ArraySlice<Int>) -> Int?
  ) -> (alive: [Int], dead: [Int], deaths: Int) {
    // The first index of a part need not be 0.
    var parts = BatchParts(Array(-3..<count)[3...])
    var alive: [Int] = []
    var dead: [Int] = []
    var deaths = 0
    while let part = parts.next() {
      guard part.contains(where: culprits.contains) else {
        alive += part
        continue
      }
      deaths += 1
      if !parts.divide(part, at: record(part)) { dead += part }
    }
    return (alive, dead, deaths)
  }

  @Test("for every set of culprits among up to 8, wherever the guest says that it died")
  func everySet() {
    var generator = SeededGenerator(seed: 26)
    for count in 0...8 {
      for choice in 0..<1 << count {
        let culprits = Set((0..<count).filter { choice >> $0 & 1 != 0 })
        let hints: [(ArraySlice<Int>) -> Int?] = [
          { _ in nil }, { _ in 0 }, { _ in -7 }, { _ in .max }, { $0.count / 2 },
          { part in part.firstIndex(where: culprits.contains).map { $0 - part.startIndex } },
          { _ in Int.random(in: -2...10, using: &generator) },
        ]
        for record in hints {
          let found = Self.run(count, culprits: culprits, record: record)
          #expect(found.dead == culprits.sorted())
          #expect(found.alive == (0..<count).filter { !culprits.contains($0) })
        }
      }
    }
  }

  @Test("with two deaths for one culprit where the guest says which it was")
  func deathCount() {
    let found = Self.run(1000, culprits: [700]) { part in
      part.firstIndex(of: 700).map { $0 - part.startIndex }
    }
    #expect(found.deaths == 2 && found.alive.count == 999)
  }
}
