// What is not proved: never agreement, always counted by its reason.

import GuestMem
import KVM
import MMU
import Testing

@testable import Probe

@Suite("What was not executed is no agreement")
struct UnprovedTests {
  static func space(_ mappings: [Mapping], _ expectations: [Probe.Expectation] = []) -> AddressSpace
  {
    AddressSpace(memoryByteCount: 4 << 20, mappings: mappings, expectations: expectations)
  }

  static let page = Mapping(
    name: "page", linearAddress: LinearAddress(truncating: 0x40_0000, width: .bits48),
    byteCount: 4096, properties: PageProperties(rights: [.read], isUser: true))

  @Test("A space that asks for nothing proves nothing, with and without a machine")
  func nothingAsked() throws {
    let report = try Verifier.modelOnly.verify(Self.space([]))
    #expect(report.unproved.map(\.reason) == [.nothingExecuted])
    #expect(report.verdict == .unproved && !report.isAgreement)
  }

  @Test("A mapping or expectation that the plan leaves out is counted")
  func notPlanned() throws {
    let expectation = Probe.Expectation(
      linearAddress: 0x40_0000, access: .read, privilege: .user, outcome: .success(nil))
    let built = try Verifier.modelOnly.build(Self.space([Self.page], [expectation]), nil)
    let plan = ProbePlan(pages: [ProbePage(containing: 0x40_0000, subject: .mapping(0))])
    let report = try Verifier.modelOnly.verify(built, plan: plan)
    let found = try #require(report.unproved.first { $0.reason == .notPlanned })
    #expect(found.count == 1)
  }

  @Test("Every reason has a name of its own, which leads back to it, a message and a remedy")
  func names() {
    for reason in UnprovedReason.allCases {
      #expect(UnprovedReason(id: reason.id) == reason)
      #expect(!reason.message.isEmpty)
      #expect(!reason.remedy(on: .pvm).isEmpty && !reason.remedy(on: .tcg).isEmpty)
    }
    #expect(Set(UnprovedReason.allCases.map(\.id)).count == UnprovedReason.allCases.count)
    #expect(UnprovedReason(id: "no-pcid") == nil)
  }

  @Test("Disagreement comes before interruption, that before the time limit, that before the rest")
  func precedence() {
    var tally = SubjectTally()
    tally.probeCount = 5
    tally.notRun = [.reachesAgent: 1, .timeLimit: 1, .interrupted: 1]
    tally.disagreementCount = 1
    #expect(StandIn(tally).verdict == .disagreement)
    tally.disagreementCount = 0
    #expect(StandIn(tally).verdict == .interrupted)
    tally.notRun[.interrupted] = nil
    #expect(StandIn(tally).verdict == .unfinished)
    #expect(StandIn(tally).verdict { _ in true } == .unfinished)
    tally.notRun[.timeLimit] = nil
    #expect(StandIn(tally).verdict == .unproved)
    #expect(StandIn(tally).verdict { $0.id == "reaches-agent" } == .agreement)
    tally.notRun = [:]
    tally.executedCount = 5
    #expect(StandIn(tally).isAgreement)
  }

  @Test("A guest that died is unproved, and a disagreement where the tables are wrong anyway")
  func lostGuests() {
    func tally(_ modelled: AccessOutcome) -> SubjectTally {
      let verdict = VerdictTests.verdict(
        .supervisor, asked: .absent, modelled: modelled, executed: .lost(.hang), deviations: [])
      var collector = VerdictCollector()
      collector.add(verdict)
      #expect(collector.lost.count == 1)
      return collector.tallies[.mapping(0)] ?? SubjectTally()
    }
    let right = StandIn(tally(.pageFault([])))
    #expect(right.verdict == .unproved && right.unproved.map(\.reason) == [.guestLost])
    #expect(StandIn(tally(.pageFault([.present]))).verdict == .disagreement)
  }

  @Test("Flags that a rule excuses are unproved, by that rule")
  func excusedFlags() {
    var tally = SubjectTally()
    tally.executedCount = 6
    var report = StandIn(tally)
    let rule = Deviation.faultMarksLeaf(level: .pageDirectoryPointerTable)
    report.excusedFlags = [rule: 3]
    #expect(report.unproved.map(\.deviation) == [rule] && report.unproved.first?.count == 3)
    #expect(report.verdict == .unproved)
  }
}

/// A report of one tally.
private struct StandIn: ProofReport {
  var profile: MachineProfile?
  var tallies: [ProbeSubject: SubjectTally]
  var disagreements: [Disagreement] = []
  var lost: [ProbeVerdict] = []
  var flagDisagreements: [FlagDisagreement] = []
  var excusedFlags: [Deviation: Int] = [:]
  var comparison: RangeComparison?
  var machines = MachinesAsked()
  var times = VerificationTimes(total: .zero, calibration: .zero, execution: .zero, guest: .zero)

  init(_ tally: SubjectTally) { tallies = [.mapping(0): tally] }
}
