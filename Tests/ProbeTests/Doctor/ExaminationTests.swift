// What doctor makes of machines that are wrong in part, and of too little time.

import GuestMem
import MMU
import TestHosts
import Testing

@testable import Probe

@Suite(
  "A fault that a feature brings costs this feature, and no more",
  .enabled(if: Host.hasQEMU, "needs QEMU, which has every feature"))
struct ExaminationTests {
  private func expectOnly(
    _ feature: MachineFeature, isTakenFrom examination: Examination
  ) throws -> String {
    #expect(examination.problem == nil)
    #expect(examination.features.count == MachineFeature.allCases.count)
    for finding in examination.features where finding.feature != feature {
      #expect(finding.outcome == .works, "\(finding)")
    }
    let others = Set(MachineFeature.allCases).subtracting([feature])
    #expect(examination.profile?.features == others)
    let finding = try #require(examination.features.first { $0.feature == feature })
    #expect(finding.isPromised && finding.remedy != nil)
    guard case .differs(let reason) = finding.outcome else {
      Issue.record("\(finding)")
      return ""
    }
    return reason
  }

  @Test("SMEP that is ignored where WP is off, which no trial asks about")
  func smepWithoutWP() throws {
    let factory = ChangedFactory(inner: try QEMUMachineFactory()) {
      OtherState { if $0.state.cr0 >> 16 & 1 == 0 { $0.state.cr4 &= ~(1 << 20) } }
    }
    let examination = try Examination.ofMachine(factory, within: .plenty)
    let reason = try expectOnly(.smep, isTakenFrom: examination)
    #expect(reason.contains("fetch"))
  }

  @Test("a guest that does not survive a push with SMAP on")
  func deadlyPush() throws {
    let count = BatchCounter()
    let factory = ChangedFactory(inner: try QEMUMachineFactory()) {
      DeadlyBatches(count: count) { $0.loop == .push && $0.state.cr4 >> 21 & 1 != 0 }
    }
    let examination = try Examination.ofMachine(factory, within: .plenty)
    let reason = try expectOnly(.smap, isTakenFrom: examination)
    #expect(count.value > 0 && reason.contains("push"))
  }

  @Test("a guest that does not survive a push in any mode is a machine that is not believed")
  func deadlyBasics() throws {
    let count = BatchCounter()
    let factory = ChangedFactory(inner: try QEMUMachineFactory()) {
      DeadlyBatches(count: count) { $0.loop == .push }
    }
    let examination = try Examination.ofMachine(factory, within: .plenty)
    let problem = try #require(examination.problem)
    #expect(problem.id == "calibration-failed" && problem.message.contains("push"))
    for finding in examination.features { #expect(finding.outcome == .works, "\(finding)") }
  }

  @Test("without time for the basics nothing is known, and no difference is claimed")
  func noTime() throws {
    var times = ExaminationTimes.plenty
    times.calibration = .zero
    let examination = try Examination.ofMachine(QEMUMachineFactory(), within: times)
    #expect(examination.problem == .calibrationUnfinished)
    #expect(examination.profile == nil && examination.sample == nil)
  }

  @Test("without time for the sample doctor says what it left out, and believes the rest")
  func noTimeForTheSample() throws {
    var times = ExaminationTimes.plenty
    times.whole = .zero
    times.sample = .zero...(.zero)
    let examination = try Examination.ofMachine(QEMUMachineFactory(), within: times)
    #expect(examination.problem == nil)
    for finding in examination.features { #expect(finding.outcome == .works, "\(finding)") }
    let sample = try #require(examination.sample)
    #expect(sample.finishedBlockCount == 0 && sample.blockCount > 0 && !sample.isComplete)
  }

  @Test("a rule that the plain modes did not come to is held against no feature that was on")
  func unattributable() {
    let address: UInt64 = 0x40_0000
    let refused = AccessOutcome.pageFault([.present, .reserved])
    func key(_ rule: ArchitectureRule?, _ modelled: AccessOutcome) -> EvidenceKey {
      var subject = DeviationSubject(
        ProbeManner(.read, at: .supervisor), address: address, modelled: modelled,
        rootLevel: .pageMapLevel4)
      subject.rule = rule
      return EvidenceKey(subject, modelled: modelled)
    }
    let mismatch = ConformanceMismatch(
      matrix: "a matrix", block: 0, mode: "SMAP=1", entries: [], address: address,
      modelled: "a fault", executed: "success", flags: nil)
    func withdrawn(_ rule: ArchitectureRule, plainKeeps kept: [ArchitectureRule])
      -> [MachineFeature]
    {
      var plain = ConformanceEvidence()
      plain.add(key(nil, .success(GuestPhysicalAddress(truncating: 0))))
      for rule in kept { plain.add(key(rule, refused)) }
      var other = ConformanceEvidence()
      other.add(
        EvidenceDifference(key(rule, refused), .success),
        DifferenceRecord(count: 1, example: mismatch))
      let judgement = SampleJudgement(
        MatrixSample(), [[]: plain, [.smap]: other], knowing: [], deadline: .now + .seconds(600))
      #expect(judgement.problem == nil)
      return judgement.withdrawn.keys.sorted { $0.rawValue < $1.rawValue }
    }
    // QEMU's emulation of NPT lets bit 8 of a PML4E through, in every mode.
    #expect(withdrawn(.bit8Reserved(at: .pageMapLevel4), plainKeeps: []) == [])
    #expect(
      withdrawn(.bit8Reserved(at: .pageMapLevel4), plainKeeps: [.present(at: .pageTable)]) == [])
    #expect(
      withdrawn(.bit8Reserved(at: .pageMapLevel4), plainKeeps: [.bit8Reserved(at: .pageMapLevel4)])
        == [.smap])
    #expect(withdrawn(.smapStopsSupervisorRead, plainKeeps: []) == [.smap])
  }

  @Test("without time for rules the differences are left to conform, and counted")
  func noTimeForRules() throws {
    let factory = try QEMUMachineFactory()
    let machine = try Conformance(factory).machineProfile()
    let run = try SampleRun(factory, machine, deadline: .now + .seconds(600))
    let hasty = run.judgement(knowing: machine.deviations, deadline: .now - .seconds(1))
    #expect(hasty.rules.isEmpty && hasty.withdrawn.isEmpty && hasty.problem == nil)
    #expect(hasty.sample.leftCount > 0 && hasty.sample.leftKindCount > 0)
    #expect(!hasty.sample.isComplete)
    let patient = run.judgement(knowing: machine.deviations, deadline: .now + .seconds(600))
    #expect(!patient.rules.isEmpty && patient.withdrawn.isEmpty && patient.problem == nil)
    #expect(patient.sample.leftCount == 0 && patient.sample.isComplete)
    for sample in [hasty.sample, patient.sample] {
      #expect(
        sample.caseCount == sample.agreedCount + sample.explainedCount + sample.leftCount)
    }
  }
}
