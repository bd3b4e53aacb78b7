// What is counted and kept of verdicts, for one machine and for two.

import GuestMem
import KVM
import MMU
import Testing

@testable import Probe

@Suite("Verdicts are counted by what they say, and kept for the machine that is asked next")
struct CollectedVerdictTests {
  static func verdict(
    _ executed: ProbeOutcome, _ subject: ProbeSubject = .mapping(0), _ kind: AccessKind = .read
  ) -> ProbeVerdict {
    let page = ProbePage(containing: 0x40_0000, subject: subject)
    let manner = ProbeManner(kind, at: .user)
    return ProbeVerdict(
      page: page, manner: manner, address: 0x40_0008, asked: .absent, modelled: .pageFault([.user]),
      executed: executed, deviations: [], rootLevel: .pageMapLevel4
    ) {
      DeviationSubject(
        manner, address: 0x40_0008, modelled: .pageFault([.user]), rootLevel: .pageMapLevel4)
    }
  }

  @Test("pages that nobody came to are counted in each of their manners, by the reason")
  func unfinished() {
    for number in UInt8(0)..<64 {
      let manners = ProbeManners(rawValue: number)
      var collector = VerdictCollector()
      let pages = [
        ProbePage(containing: 0, manners: manners, subject: .mapping(3)),
        ProbePage(containing: 0x1000, manners: manners, subject: .gap(nearMapping: 7)),
        ProbePage(containing: 0x2000, manners: manners, subject: .mapping(3)),
      ]
      collector.addUnfinished(pages[...], .timeLimit)
      let count = number.nonzeroBitCount
      #expect(collector.isUnfinished == (count > 0))
      for (subject, pageCount) in [(ProbeSubject.mapping(3), 2), (.gap(nearMapping: -1), 1)] {
        let tally = collector.tallies[subject] ?? SubjectTally()
        #expect(tally.probeCount == pageCount * count && tally.executedCount == 0)
        #expect(tally.notRun == (count > 0 ? [.timeLimit: pageCount * count] : [:]))
        for index in 0..<6 {
          let expected = manners.rawValue >> UInt8(index) & 1 != 0 ? pageCount : 0
          #expect(tally.asked[index].missingCount == expected)
          #expect(tally.modelled[index].missingCount == expected)
          #expect(tally.executed[index].missingCount == expected)
        }
      }
    }
  }

  @Test("what is open for another machine is counted when there is none, and only deaths are lost")
  func settled() {
    let page = ProbePage(containing: 0x40_0000, subject: .mapping(0))
    func collector() -> VerdictCollector {
      var collector = VerdictCollector(machine: "first", second: .unproved)
      let isOpen = [
        collector.add(Self.verdict(.notRun(.no1GiBPages))),
        collector.add(Self.verdict(.notRun(.reachesAgent), .mapping(1))),
        collector.add(Self.verdict(.lost(.hang), .mapping(0), .write)),
        // What no other machine can do, and what is proved, counts at once.
        collector.add(Self.verdict(.notRun(.fetchWithoutMemory), .mapping(0), .fetch)),
        collector.add(Self.verdict(.pageFault(errorCode: 4, cr2: 0x40_0008))),
      ]
      #expect(isOpen == [true, true, true, false, false])
      collector.addOpen(page, [ProbeManners(ProbeManner(.read, at: .user))])
      collector.addOpen(page, [])
      return collector
    }
    var all = collector()
    #expect(all.lost.isEmpty && all.open.lost.count == 1 && all.open.pages.count == 1)
    #expect(all.tallies[.mapping(0)]?.probeCount == 2 && all.tallies[.mapping(1)] == nil)
    all.merge(collector())
    all.settle()
    #expect(all.lost.count == 2 && all.lost.allSatisfy(\.isUndecided))
    let tally = all.tallies[.mapping(0)] ?? SubjectTally()
    #expect(tally.probeCount == 8 && tally.lostCount == 2 && tally.executedCount == 2)
    #expect(tally.notRun == [.no1GiBPages: 2, .fetchWithoutMemory: 2])
    #expect(all.tallies[.mapping(1)]?.notRun == [.reachesAgent: 2])
    #expect(all.open.pages.isEmpty && all.open.lost.isEmpty)
    var other = collector()
    other.dropOpen()
    other.settle()
    #expect(other.lost.isEmpty && other.tallies[.mapping(1)] == nil)
  }

  @Test("one guest that died is unproved, and so are two")
  func lost() {
    var tally = SubjectTally()
    #expect(tally.unproved(on: .tcg).isEmpty)
    for count in 1...2 {
      tally.lostCount = count
      let found = tally.unproved(on: .tcg)
      #expect(found.map(\.reason) == [.guestLost] && found.map(\.count) == [count])
    }
  }

  @Test("every outcome of a probe is a response, as rules see it")
  func responses() {
    let page = AccessOutcome.success(GuestPhysicalAddress(truncating: 0x5008))
    let deaths: [GuestDeath] = [
      .shutdown, .hang, .emulationFailure, .agentOverwritten, .unexpectedExit("x"),
    ]
    for death in deaths {
      #expect(DeviationResponse(.lost(death), insteadOf: page, at: 0) == .lost(death))
    }
    for reason in NotRunReason.allCases {
      #expect(DeviationResponse(.notRun(reason), insteadOf: page, at: 0) == nil)
    }
  }

  /// A report that somebody else makes.
  private struct OwnReport: ProofReport {
    var profile: MachineProfile?
    var machines = MachinesAsked()
    var tallies: [ProbeSubject: SubjectTally] = [:]
    var disagreements: [Disagreement] = []
    var lost: [ProbeVerdict] = []
    var flagDisagreements: [FlagDisagreement] = []
    var comparison: RangeComparison?
    var times = VerificationTimes(
      total: .zero, calibration: .zero, execution: .seconds(2), guest: .zero)
  }

  @Test("remarks are those of the machines that answered, or of the machine of the report")
  func remarks() {
    var report = OwnReport()
    #expect(report.remarks.isEmpty && report.unplannedCount == 0 && report.excusedFlags.isEmpty)
    var profile = MachineProfile.anyMachine
    profile.remarks = [MachineRemark("one", "the first")]
    report.profile = profile
    #expect(report.remarks == [MachineRemark("one", "the first")])
    profile.remarks = [MachineRemark("two", "the second")]
    report.machines.answers = [MachineAnswers(profile, VerdictCollector())]
    #expect(report.remarks == [MachineRemark("two", "the second")])
    var tally = SubjectTally()
    tally.executedCount = 10
    report.tallies = [.mapping(0): tally]
    #expect(report.probesPerSecond == 5)
  }
}
