// WrittenReport: a conformance report of a machine that there is not, which its plan allows.

import KVM
import MMU
import Testing

@testable import Probe
@testable import kvmpt

/// Makes reports that hold against their plan, with differences of every kind.
enum WrittenReport {
  static let machine = ConformStatusTests.machine

  /// Accesses that a rule can be about, each another one.
  static let keys: [EvidenceKey] = AccessKind.allCases.flatMap { kind in
    PrivilegeLevel.allCases.flatMap { privilege in
      Level.allCases.flatMap { level in
        [true, false].map { isAccessed in
          var subject = DeviationSubject(
            Access(kind), form: .plain, privilege: privilege, end: .refused,
            rootLevel: .pageMapLevel5)
          subject.level = level
          subject.isAccessed = isAccessed
          return EvidenceKey(subject, modelled: .pageFault([.present, .user]))
        }
      }
    }
  }

  /// An example with entries and numbers of its own.
  static func example(_ number: Int, block: Int) -> ConformanceMismatch {
    ConformanceMismatch(
      matrix: "matrix \(number)", block: block, mode: "mode \(number)",
      entries: [
        PageTableEntry(0x2027 + UInt64(number) << 12, at: .pageDirectory),
        PageTableEntry(1 << 63 | 0x1067 + UInt64(number) << 12, at: .pageTable),
      ], address: 0xffff_8000_0000_0000 + UInt64(number) << 12, modelled: "modelled \(number)",
      executed: "executed \(number)", flags: number % 2 == 0 ? nil : "flags \(number)")
  }

  /// `ruledCount` cases that lack P, which a rule says, and as many kinds of differences that no
  /// rule says as `unexplainedCount`; two accesses are left out.
  static func make(
    ruledCount: Int = 3, unexplainedCount: Int = 2, of machine: MachineProfile = machine
  ) throws -> ConformanceReport {
    let plan = ConformancePlan(.access, for: machine)
    let block = try #require(plan.blocks.first).index
    let planned = plan.caseCount(ofFinished: [block])
    var evidence = ConformanceEvidence()
    if ruledCount > 0 {
      evidence.add(
        EvidenceDifference(keys[0], .pageFault(4)),
        DifferenceRecord(count: ruledCount, example: example(0, block: block)))
    }
    for number in 0..<unexplainedCount {
      evidence.add(
        EvidenceDifference(keys[1 + number], .flags(.other)),
        DifferenceRecord(count: 1, example: example(1 + number, block: block)))
    }
    var total = ConformanceTally()
    total.notRun = [.fetchWithoutMemory: 2]
    total.caseCount = planned - 2
    total.agreedCount = total.caseCount - ruledCount - unexplainedCount
    total.guestTime = .milliseconds(2500)
    let rest = keys[1 + unexplainedCount]
    try #require(total.agreedCount > 5)
    evidence.add(rest, count: 5)
    evidence.add(keys[2 + unexplainedCount], count: total.agreedCount - 5)
    return ConformanceReport(
      profile: .access, shard: .whole, machine: machine, finished: [block], total: total,
      profileBlockCount: plan.blocks.count, evidence: evidence, notRun: plan.notRun,
      time: .milliseconds(1234))
  }

  /// The text of the report as `conform --format json` writes it.
  static func text(
    _ report: ConformanceReport, _ findings: ConformanceFindings? = nil
  ) throws -> String {
    let file = try TemporaryFile()
    let destination = try ReportDestination(path: file.path)
    ConformanceJSON.write(report, findings ?? report.findings, to: destination)
    try destination.close()
    return try file.text()
  }
}
