// ConformRun: one run of `kvmpt conform`.

import MMU
import Probe

/// One run of `kvmpt conform`, from its options to its exit code.
struct ConformRun {
  let command: ConformCommand
  let expected: Baseline
  let destination: ReportDestination
  /// The rule that the model is to lack, to see that the verdict notices.
  var missingRule: ArchitectureRule?
  /// Which cases are run, where it is not the profile that decides.
  var sampledOneIn: UInt64?

  func run() throws(CommandFailure) -> ExitStatus {
    Interruption.install()
    let deadline = ContinuousClock.now + command.timeout.duration
    let conformance: Conformance
    do throws(MachineError) {
      conformance = Conformance(try command.choice.open())
    } catch {
      throw CommandFailure(error, canPass: nil)
    }
    var report = try execute(conformance)
    let identity = report.machine.identity
    report.machine.remarks += expected.remarks(on: identity)
    // A run that used its time up still says what it found.
    let findings = report.findings(
      knowing: expected.rules(of: identity),
      deadline: max(deadline, ContinuousClock.now + .seconds(5)))
    report.machine.remarks += findings.searchRemarks
    // Each is written whatever becomes of the others: the run is over and cannot be had again.
    var failures: [CommandFailure] = []
    func attempt(_ work: () throws(CommandFailure) -> Void) {
      do throws(CommandFailure) { try work() } catch { failures.append(error) }
    }
    var status = ExitStatus.agreement
    attempt { () throws(CommandFailure) in
      status = try report.write(
        findings, command.format, baseline: command.baseline.name, to: destination,
        styler: command.report.styler(for: destination))
    }
    if let path = command.resume {
      attempt { () throws(CommandFailure) in
        try ResumeFile(path: path).write(report, findings)
      }
    }
    if let path = command.profilePath {
      attempt { () throws(CommandFailure) in
        try report.writeMachineProfile(findings, to: path)
      }
    }
    attempt { () throws(CommandFailure) in
      try command.baseline.write(expected, report, findings)
    }
    if let failure = CommandFailure(failures) { throw failure }
    return status
  }

  private func execute(_ conformance: Conformance) throws(CommandFailure) -> ConformanceReport {
    let line = ProgressLine(title: "blocks")
    defer { line.finish() }
    var options = ConformanceOptions()
    options.profile = command.profile.cases
    options.shard = command.shard.shard
    options.timeLimit = command.timeout.duration
    options.missingRule = missingRule
    options.sampledOneIn = sampledOneIn
    options.isCancelled = { Interruption.isRequested }
    let file = command.resume.map { ResumeFile(path: $0) }
    options.observer = { progress in
      line.update(doneCount: progress.finishedCount, totalCount: progress.blockCount)
      file?.update(progress)
    }
    let machine = try checked { () throws(MachineError) in try conformance.machineProfile() }
    if let file {
      let blockCount = try checked { () throws(MachineError) in
        try conformance.blockCount(of: options.profile, on: machine)
      }
      options.finished = try file.read(for: options, on: machine, blockCount: blockCount)
    }
    return try checked { () throws(MachineError) in try conformance.run(options, on: machine) }
  }

  /// What `work` gives; a machine that fails ends the command.
  private func checked<Value>(
    _ work: () throws(MachineError) -> Value
  ) throws(CommandFailure) -> Value {
    do throws(MachineError) {
      return try work()
    } catch {
      throw CommandFailure(error, canPass: nil)
    }
  }
}

extension ConformanceReport {
  /// Writes the report and says what it means for the exit code.
  func write(
    _ findings: ConformanceFindings, _ format: ConformCommand.Format, baseline: String,
    to destination: ReportDestination, styler: TextStyler,
    incomplete: ExitStatus = .timeLimitReached
  ) throws(CommandFailure) -> ExitStatus {
    switch format {
    case .text:
      var output = destination
      ConformanceText(report: self, findings: findings, styler: styler).write(to: &output)
    case .json: ConformanceJSON.write(self, findings, baseline: baseline, to: destination)
    }
    try destination.close()
    switch ConformanceVerdict(self, findings) {
    case .disagreement: return .disagreement
    case .incomplete: return Interruption.isRequested ? .interrupted : incomplete
    case .nothingExecuted: return .unproved
    case .expected, .agreement: return .agreement
    }
  }

  /// Writes what the machine has, and the rules by which it differs.
  func writeMachineProfile(
    _ findings: ConformanceFindings, to path: String
  ) throws(CommandFailure) {
    let destination: ReportDestination
    do throws(ReportDestinationError) {
      destination = try ReportDestination(path: path)
    } catch {
      throw CommandFailure(error)
    }
    MachineProfileJSON.write(machine, findings, to: destination)
    try destination.close()
  }
}

extension ConformanceFindings {
  /// A remark where time ended the search for rules.
  var searchRemarks: [MachineRemark] {
    isSearchComplete
      ? []
      : [
        MachineRemark(
          "rule-search-cut-short",
          "time ended the search for rules: what is unexplained may be so for that reason alone")
      ]
  }
}
