// What a conformance report means for the exit code, and which report a run goes on from.

import KVM
import MMU
import Testing

@testable import Probe
@testable import kvmpt

@Suite("A conformance report ends the program with the code of what it found")
struct ConformStatusTests {
  static let machine = MachineProfile(
    identity: MachineIdentity(
      name: "KVM", walker: .ept, processorName: "p", kernelRelease: "6.18.0"),
    vendor: .intel, physicalAddressWidth: 40, features: [.noExecute, .writeProtect, .smep],
    deviations: [])

  private static let key = EvidenceKey(
    DeviationSubject(
      Access(.read), form: .plain, privilege: .user, end: .refused, rootLevel: .pageMapLevel4),
    modelled: .pageFault([.present, .user]))

  /// What differs: the error code lacks P, which a rule can say, or another bit changed, which none can.
  enum Difference: CaseIterable { case none, ruled, unexplained }

  static func report(
    _ difference: Difference, finished: Set<Int>, blockCount: Int = 2, caseCount: Int = 10
  ) -> ConformanceReport {
    var evidence = ConformanceEvidence()
    var total = ConformanceTally()
    total.caseCount = caseCount
    total.agreedCount = difference == .none ? caseCount : max(0, caseCount - 1)
    let example = ConformanceMismatch(
      matrix: "m", block: 0, mode: "", entries: [], address: 0, modelled: "", executed: "")
    switch difference {
    case .none: break
    case .ruled:
      evidence.add(
        EvidenceDifference(key, .pageFault(4)), DifferenceRecord(count: 1, example: example))
    case .unexplained:
      evidence.add(
        EvidenceDifference(key, .flags(.other)), DifferenceRecord(count: 1, example: example))
    }
    return ConformanceReport(
      profile: .access, shard: .whole, machine: machine, finished: finished, total: total,
      profileBlockCount: blockCount, evidence: evidence, notRun: [:], time: .seconds(1))
  }

  @Test(
    "Unexplained and new differences are 1, unfinished 124, nothing to run 77, the rest 0",
    arguments: Difference.allCases)
  func codes(_ difference: Difference) throws {
    for finished in [[], [0], [0, 1]] as [Set<Int>] {
      for isKnown in [false, true] {
        for caseCount in [0, 10] where difference == .none || caseCount > 0 {
          let report = Self.report(difference, finished: finished, caseCount: caseCount)
          let rules = report.findings.rules.map(\.rule)
          let findings = report.findings(knowing: isKnown ? rules : [])
          let isDifferent = difference == .unexplained || difference == .ruled && !isKnown
          let isWhole = finished.count == 2
          let verdict: ConformanceVerdict =
            isDifferent
            ? .disagreement
            : !isWhole
              ? .incomplete
              : caseCount == 0
                ? .nothingExecuted : difference == .none ? .agreement : .expected
          #expect(ConformanceVerdict(report, findings) == verdict)
          #expect(findings.unexplainedCount == (difference == .unexplained ? 1 : 0))
          #expect(findings.newCount == (difference == .ruled && !isKnown ? 1 : 0))
          #expect(findings.explainedCount == (difference == .ruled ? 1 : 0))
          for format in ConformCommand.Format.allCases {
            for incomplete in [kvmpt.ExitStatus.timeLimitReached, .unproved] {
              let file = try TemporaryFile()
              let destination = try ReportDestination(path: file.path)
              let status = try report.write(
                findings, format, baseline: "b", to: destination,
                styler: TextStyler(isEnabled: false), incomplete: incomplete)
              let expected: kvmpt.ExitStatus =
                switch verdict {
                case .disagreement: .disagreement
                case .incomplete: incomplete
                case .nothingExecuted: .unproved
                case .expected, .agreement: .agreement
                }
              #expect(status == expected, "\(verdict)")
              let text = try file.text()
              if format == .json {
                let json = try JSONValue(json: text)
                #expect(json["verdict"] == .string(verdict.rawValue))
                #expect(json["complete"] == .bool(isWhole))
                #expect(json["agreement"] == .bool(!isDifferent))
                #expect(json["unexplained"] == .integer(findings.unexplainedCount))
                #expect(json["new"] == .integer(findings.newCount))
                #expect(json["explained"] == .integer(findings.explainedCount))
                #expect(json["cases"] == .integer(caseCount))
                #expect(json["blocks"] == .integer(2))
              }
            }
          }
        }
      }
    }
    #expect(
      kvmpt.ExitStatus.disagreement.rawValue == 1
        && kvmpt.ExitStatus.timeLimitReached.rawValue == 124)
    #expect(kvmpt.ExitStatus.unproved.rawValue == 77 && kvmpt.ExitStatus.agreement.rawValue == 0)
  }

  @Test("A rule that cases contradict explains nothing, and one that explains nothing is unseen")
  func expectedRules() {
    let lacksP = Deviation(when: [.privilege(.user)], .errorCodeLacks(1))
    var report = Self.report(.ruled, finished: [0, 1])
    let plain = report.findings(knowing: [lacksP])
    #expect(plain.isExpected && plain.refuted.isEmpty && plain.unseen.isEmpty)
    let idle = Deviation(when: [.privilege(.supervisor)], .errorCodeLacks(1))
    #expect(report.findings(knowing: [lacksP, idle]).unseen == [idle])
    // The machine follows the manual in cases that the rule covers.
    report.evidence.add(Self.key, count: 7)
    let refuted = report.findings(knowing: [lacksP])
    #expect(refuted.refuted.map(\.rule) == [lacksP] && refuted.refuted.map(\.count) == [7])
    #expect(!refuted.isExpected && !refuted.rules.contains { $0.rule == lacksP })
  }

  @Test(
    "A run goes on from a report of its own profile, share and kind of machine, and of no other")
  func resuming() throws {
    let plan = ConformancePlan(.access, for: Self.machine)
    let shard = try #require(ConformanceShard(2, of: 3))
    let report = ConformanceReport(
      profile: .access, shard: shard, machine: Self.machine, finished: [],
      total: ConformanceTally(),
      profileBlockCount: plan.blocks.count, evidence: ConformanceEvidence(), notRun: plan.notRun,
      time: .seconds(3))
    let file = try TemporaryFile()
    try ResumeFile(path: file.path).write(report, report.findings)
    var options = ConformanceOptions()
    options.profile = .access
    options.shard = shard
    func read(
      _ options: ConformanceOptions, _ machine: MachineProfile, _ count: Int
    ) -> Result<Bool, CommandFailure> {
      do throws(CommandFailure) {
        let found = try ResumeFile(path: file.path).read(
          for: options, on: machine, blockCount: count)
        return .success(found?.time == .seconds(3))
      } catch {
        return .failure(error)
      }
    }
    #expect(try read(options, Self.machine, plan.blocks.count).get())
    var others: [(ConformanceOptions, MachineProfile, Int, String)] = []
    for change in [
      { $0.profile = .full }, { $0.profile = .quick }, { $0.shard = .whole },
      { $0.shard = ConformanceShard(1, of: 3) ?? .whole },
      { $0.shard = ConformanceShard(2, of: 4) ?? .whole },
    ] as [(inout ConformanceOptions) -> Void] {
      var changed = options
      change(&changed)
      others.append((changed, Self.machine, plan.blocks.count, "other cases"))
    }
    others.append((options, Self.machine, plan.blocks.count + 1, "other cases"))
    for change in [
      { $0.identity.name = "QEMU" }, { $0.identity.walker = .npt },
      { $0.identity.hostProcessor = .qemuTCG }, { $0.vendor = .amd },
      { $0.physicalAddressWidth = 41 }, { $0.features.insert(.smap) },
      { $0.features.remove(.smep) },
    ] as [(inout MachineProfile) -> Void] {
      var changed = Self.machine
      change(&changed)
      others.append((options, changed, plan.blocks.count, "another machine"))
    }
    for (changed, machine, count, words) in others {
      guard case .failure(let failure) = read(changed, machine, count) else {
        Issue.record("a report about \(words) was taken")
        continue
      }
      #expect(failure.status == .badInput && failure.text.contains(words), "\(failure)")
    }
    // Another kernel or processor's name is the same kind of machine.
    var newer = Self.machine
    newer.identity.kernelRelease = "7.0"
    newer.identity.processorName = "q"
    #expect(try read(options, newer, plan.blocks.count).get())
    // Where there is no file, there is nothing to go on from.
    #expect(
      try ResumeFile(path: file.path + ".none").read(
        for: options, on: Self.machine, blockCount: plan.blocks.count) == nil)
  }

  @Test("A share is written as its number, a slash and how many there are")
  func shares() {
    for (text, expected) in [
      ("1/1", (1, 1)), ("3/8", (3, 8)), ("8/8", (8, 8)), ("0/8", nil), ("9/8", nil), ("1/0", nil),
      ("-1/8", nil), ("1", nil), ("1/2/3", nil), ("", nil), ("/", nil), ("1/", nil), ("/2", nil),
      ("a/b", nil), ("1 /2", nil),
    ] as [(String, (Int, Int)?)] {
      let shard = ShardArgument(argument: text)?.shard
      #expect(shard?.number == expected?.0 && shard?.count == expected?.1, "\(text)")
    }
  }
}
