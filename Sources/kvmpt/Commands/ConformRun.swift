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
    switch command.format {
    case .text:
      var output = destination
      ConformanceText(report: report, styler: command.report.styler(for: destination))
        .write(to: &output)
    case .json: ConformanceJSON.write(report, to: destination)
    }
    try destination.close()
    if !report.isAgreement { return .disagreement }
    if report.isComplete { return .agreement }
    return Interruption.isRequested ? .interrupted : .timeLimitReached
  }

  private func execute(_ conformance: Conformance) throws(CommandFailure) -> ConformanceReport {
    let line = ProgressLine(title: "blocks")
    defer { line.finish() }
    var options = ConformanceOptions()
    options.profile = command.profile.cases
    options.shard = command.shard.shard
    options.timeLimit = command.timeout.duration
    options.isCancelled = { Interruption.isRequested }
    options.observer = { progress in
      line.update(doneCount: progress.finished.count, totalCount: progress.blockCount)
    }
    do throws(MachineError) {
      return try conformance.run(options)
    } catch {
      throw CommandFailure(error, canPass: nil)
    }
  }
}
