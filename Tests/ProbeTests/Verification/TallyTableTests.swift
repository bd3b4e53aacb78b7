// Tallies that share their counts say what tallies with counts of their own say.

import MMU
import TestSupport
import Testing

@testable import Probe

@Suite("Tallies share equal counts, and nobody sees it")
struct TallyTableTests {
  /// Random verdicts about random subjects, of which most get the same ones.
  static func changes(
    using generator: inout SeededGenerator
  ) -> [(ProbeSubject, @Sendable (inout SubjectTally) -> Void)] {
    (0..<20_000).map { _ in
      let subject = ProbeSubject.mapping(Int.random(in: 0..<5000, using: &generator))
      let manner = ProbeManner.allCases[Int.random(in: 0..<6, using: &generator)]
      switch Int.random(in: 0..<20, using: &generator) {
      case 0: return (subject, { $0.addCovered(7) })
      case 1: return (subject, { $0.addUnfinished(ProbeManners(manner), .timeLimit) })
      case 2: return (subject, { $0.addUnplanned(2, .beyondPlan) })
      default:
        return (
          subject,
          {
            $0.add(
              VerdictTests.verdict(
                manner.privilege, asked: .absent, modelled: .pageFault([]),
                executed: VerdictTests.fault, deviations: []))
          }
        )
      }
    }
  }

  @Test("20,000 random changes of 5,000 tallies in two tables come to what plain tallies come to")
  func likePlainTallies() {
    var generator = SeededGenerator(seed: 0x7a11)
    var tables = [TallyTable(), TallyTable()]
    var plain: [ProbeSubject: SubjectCounts] = [:]
    for (subject, change) in Self.changes(using: &generator) {
      tables[Int.random(in: 0...1, using: &generator)].change(subject, change)
      var tally = SubjectTally()
      change(&tally)
      plain[subject, default: SubjectCounts()].merge(tally.counts)
    }
    tables[0].merge(tables[1])
    #expect(tables[0].tallies.count == plain.count && plain.count > 4000)
    #expect(plain.allSatisfy { tables[0][$0.key]?.counts == $0.value })
    var sum = SubjectCounts()
    for counts in plain.values { sum.merge(counts) }
    #expect(tables[0].tallies.sum.counts == sum && sum.probeCount > 20_000)
  }

  @Test("A copy does not change with its original, in counts or in hash")
  func copies() {
    var first = SubjectTally()
    first.probeCount = 3
    let copy = first
    first.asked[5].allowedCount = 7
    #expect(copy.probeCount == 3 && copy.asked[5].allowedCount == 0 && copy != first)
    first.asked[5].allowedCount = 0
    #expect(copy == first && copy.hashValue == first.hashValue)
    #expect(SubjectTally() == SubjectTally() && SubjectTally() != first)
  }

  @Test("The tallies of 5,000 mappings that went alike have one set of counts")
  func sharing() {
    var table = TallyTable()
    for index in 0..<5120 {
      table.change(.mapping(index)) { $0.probeCount = 6 }
    }
    var tallies = (0..<5120).compactMap { table[.mapping($0)] }
    table = TallyTable()
    // One that has counts of its own is referred to by nobody else now.
    let ownCount = tallies.indices.count { tallies[$0].isUnique() }
    #expect(tallies.count == 5120 && ownCount == 0)
  }
}
