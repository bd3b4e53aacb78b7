// ConformRun: one run of `kvmpt conform`.

import Probe

/// One run of `kvmpt conform`, from its options to its exit code.
struct ConformRun {
  let command: ConformCommand
  let destination: ReportDestination

  func run() throws(CommandFailure) -> ExitStatus {
    Interruption.install()
    let conformance: Conformance
    do throws(MachineError) {
      conformance = Conformance(try command.choice.open())
    } catch {
      throw CommandFailure(error, canPass: nil)
    }
    let report = try execute(conformance)
    // Each is written whatever becomes of the others: the run is over and cannot be had again.
    var failures: [CommandFailure] = []
    func attempt(_ work: () throws(CommandFailure) -> Void) {
      do throws(CommandFailure) { try work() } catch { failures.append(error) }
    }
    var status = ExitStatus.agreement
    attempt { () throws(CommandFailure) in
      status = try report.write(
        command.format, to: destination, styler: command.report.styler(for: destination))
    }
    if let path = command.resume {
      attempt { () throws(CommandFailure) in try ResumeFile(path: path).write(report) }
    }
    if let path = command.profilePath {
      attempt { () throws(CommandFailure) in try report.writeMachineProfile(to: path) }
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
    _ format: ConformCommand.Format, to destination: ReportDestination, styler: TextStyler
  ) throws(CommandFailure) -> ExitStatus {
    switch format {
    case .text:
      var output = destination
      ConformanceText(report: self, styler: styler).write(to: &output)
    case .json: ConformanceJSON.write(self, to: destination)
    }
    try destination.close()
    if findings.unexplainedCount > 0 { return .disagreement }
    if isComplete { return .agreement }
    return Interruption.isRequested ? .interrupted : .timeLimitReached
  }

  /// Writes what the machine has, and the rules by which it differs.
  func writeMachineProfile(to path: String) throws(CommandFailure) {
    let destination: ReportDestination
    do throws(ReportDestinationError) {
      destination = try ReportDestination(path: path)
    } catch {
      throw CommandFailure(error)
    }
    MachineProfileJSON.write(machine, rules: findings.rules.map(\.rule), to: destination)
    try destination.close()
  }
}
