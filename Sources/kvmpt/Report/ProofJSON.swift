// ProofJSON: what every report about probes says to programs.

import MMU
import Probe

/// The members that reports about address spaces and about images have in common.
struct ProofJSON {
  let report: any ProofReport
  let space: AddressSpace
  var kinds: [PageKind] = []

  /// The form of the reports.
  static let schema = "urn:kvmpt:schema:verification:2"

  /// What is not proved, as member `unproved`.
  static func write(_ unproved: [Unproved], to json: inout JSONWriter<ReportDestination>) {
    json.key("unproved")
    json.beginArray()
    for part in unproved {
      json.beginObject()
      json.member("id", part.id)
      if let deviation = part.deviation { json.member("deviation", deviation.id) }
      json.member("message", part.message)
      json.member("count", part.count)
      json.member("unit", part.unit.rawValue)
      json.member("remedy", part.remedy)
      json.endObject()
    }
    json.endArray()
  }

  /// Which machines answered what, as member `machines`.
  func writeMachines(_ json: inout JSONWriter<ReportDestination>) {
    let machines = report.machines
    json.key("machines")
    json.beginObject()
    json.key("asked")
    json.beginArray()
    for answers in machines.answers {
      json.beginObject()
      json.key("machine")
      MachineJSON.write(answers.profile, to: &json)
      Self.writeCounts(answers.total, to: &json)
      json.endObject()
    }
    json.endArray()
    json.key("problem")
    if let problem = machines.problem { json.value(problem.message) } else { json.null() }
    json.member("differences", machines.differenceCount)
    json.member("not-compared", machines.uncomparedCount)
    json.key("different")
    json.beginArray()
    for difference in machines.differences {
      json.beginObject()
      json.member("address", hexadecimal: difference.address)
      json.member("access", difference.manner.kind.label)
      json.member("cpl", Int(difference.manner.privilege.rawValue))
      json.member("subject", difference.subject.words(in: space, kinds: kinds))
      json.member("modelled", difference.modelled.words)
      json.member("first", difference.words(difference.first))
      json.member("second", difference.words(difference.second))
      json.endObject()
    }
    json.endArray()
    json.endObject()
  }

  /// The numbers of the probes of `subject`, and who executed them, as member `probes`.
  func writeCounts(of subject: ProbeSubject, to json: inout JSONWriter<ReportDestination>) {
    Self.writeCounts(
      report.tallies[subject] ?? SubjectTally(),
      executedBy: report.machines.executedCounts(of: subject), to: &json)
  }

  /// The numbers of a tally, as member `probes`.
  static func writeCounts(
    _ tally: SubjectTally, executedBy: [(name: String, count: Int)] = [],
    to json: inout JSONWriter<ReportDestination>
  ) {
    json.key("probes")
    json.beginObject()
    json.member("planned", tally.probeCount)
    json.member("executed", tally.executedCount)
    if !executedBy.isEmpty {
      json.key("executed-by")
      json.beginObject()
      for (name, count) in executedBy { json.member(name, count) }
      json.endObject()
    }
    json.member("agreeing", tally.agreementCount)
    json.member("disagreeing", tally.disagreementCount)
    json.member("lost", tally.lostCount)
    json.member("covered", tally.coveredCount)
    json.key("not-run")
    json.beginObject()
    for reason in NotRunReason.allCases {
      if let count = tally.notRun[reason] { json.member(reason.rawValue, count) }
    }
    json.endObject()
    json.key("deviations")
    json.beginObject()
    for (deviation, count) in tally.deviations.sorted(by: { $0.key.id < $1.key.id }) {
      json.member(deviation.id, count)
    }
    json.endObject()
    json.endObject()
  }

  /// What came of the expectations.
  func writeExpectations(_ json: inout JSONWriter<ReportDestination>) {
    json.key("expectations")
    json.beginArray()
    for (index, expectation) in space.expectations.enumerated() {
      json.beginObject()
      json.member("address", hexadecimal: expectation.linearAddress)
      json.member("access", expectation.access.label)
      json.member("cpl", Int(expectation.privilege.rawValue))
      json.member("expected", expectation.outcome.words)
      let tally = report.tallies[.expectation(index)] ?? SubjectTally()
      if let address = tally.probedAddress { json.member("probed-address", hexadecimal: address) }
      writeCounts(of: .expectation(index), to: &json)
      json.endObject()
    }
    json.endArray()
  }

  /// What disagrees, what was lost, which flags are wrong, and which ranges differ.
  func writeDisagreements(_ json: inout JSONWriter<ReportDestination>) {
    json.key("disagreements")
    json.beginArray()
    for disagreement in report.disagreements {
      writeVerdict(disagreement.verdict, to: &json) { json in
        json.key("walk")
        json.beginArray()
        for step in disagreement.steps { Self.write(step, to: &json) }
        json.endArray()
        if let blame = disagreement.blame {
          json.key("blame")
          json.beginObject()
          json.member("rule", blame.rule.id)
          json.member("source", blame.rule.source)
          json.member("sentence", blame.sentence)
          if let level = blame.level { json.member("level", Int(level.rawValue)) }
          json.member("bits", hexadecimal: blame.bits)
          json.endObject()
        }
        json.member("advice", disagreement.advice)
      }
    }
    json.endArray()
    json.key("lost")
    json.beginArray()
    for verdict in report.lost { writeVerdict(verdict, to: &json) { _ in } }
    json.endArray()
    json.key("wrong-flags")
    json.beginArray()
    for flags in report.flagDisagreements {
      json.beginObject()
      json.member("entry-address", hexadecimal: flags.entryAddress)
      if let level = flags.level { json.member("level", Int(level.rawValue)) }
      json.member("access", flags.manner.kind.label)
      json.member("cpl", Int(flags.manner.privilege.rawValue))
      json.member("before", hexadecimal: flags.before)
      json.member("after", hexadecimal: flags.after)
      json.member("must-set", hexadecimal: flags.mustSet)
      json.member("may-set", hexadecimal: flags.maySet)
      json.member("message", flags.message)
      if let machine = flags.machine { json.member("machine", machine) }
      json.endObject()
    }
    json.endArray()
    RangeComparisonJSON.write(report, space, to: &json)
  }

  private func writeVerdict(
    _ verdict: ProbeVerdict, to json: inout JSONWriter<ReportDestination>,
    more: (inout JSONWriter<ReportDestination>) -> Void
  ) {
    json.beginObject()
    json.member("address", hexadecimal: verdict.askedAddress)
    json.member("probed-address", hexadecimal: verdict.address)
    json.member("access", verdict.manner.kind.label)
    json.member("cpl", Int(verdict.manner.privilege.rawValue))
    json.member("subject", verdict.page.subject.words(in: space, kinds: kinds))
    json.key("pairs")
    json.beginArray()
    for id in verdict.disagreements.ids { json.value(id) }
    json.endArray()
    json.member("asked", verdict.asked.words)
    json.member("modelled", verdict.modelled.words)
    json.member("executed", verdict.executed.words)
    if let machine = verdict.machine { json.member("machine", machine) }
    more(&json)
    json.endObject()
  }

  private static func write(_ step: WalkStep, to json: inout JSONWriter<ReportDestination>) {
    json.beginObject()
    json.member("level", Int(step.level.rawValue))
    json.member("index", step.index)
    json.member("entry-address", hexadecimal: step.entryAddress.rawValue)
    json.member("entry", hexadecimal: step.entry.rawValue)
    json.endObject()
  }

  /// How long it took.
  func writeTimes(_ json: inout JSONWriter<ReportDestination>) {
    json.key("milliseconds")
    json.beginObject()
    json.key("total")
    json.milliseconds(report.times.total)
    json.key("calibration")
    json.milliseconds(report.times.calibration)
    json.key("execution")
    json.milliseconds(report.times.execution)
    json.key("guest")
    json.milliseconds(report.times.guest)
    json.endObject()
    json.member("probes-per-second", Int(report.probesPerSecond))
  }
}
