// ResumeFile: what a run has finished, kept in a file as it goes along.

import Glibc
import Probe
import Synchronization

/// The file of `--resume`; it is a report, which takes the place of the one before when it is whole.
final class ResumeFile: Sendable {
  private let path: String
  private let lastWrite = Mutex<ContinuousClock.Instant?>(nil)
  /// Writing more often would cost more than what an interruption loses.
  private static let interval: Duration = .seconds(2)

  init(path: String) { self.path = path }

  /// What the file holds, or nil when there is none yet.
  func read(
    for options: ConformanceOptions, on machine: MachineProfile, blockCount: Int
  ) throws(CommandFailure) -> ConformanceReport? {
    // SAFETY: Swift passes a string that lives for the call and ends with a 0.
    guard unsafe access(path, F_OK) == 0 else { return nil }
    let report = try ResultFile.conformance(at: path)
    guard report.profile == options.profile, report.shard == options.shard,
      report.profileBlockCount == blockCount
    else {
      throw ResultFileError(path: path, reason: "it is about other cases than those asked for")
        .failure
    }
    guard report.machine.isOfTheSameKind(as: machine) else {
      throw ResultFileError(path: path, reason: "it is about another machine").failure
    }
    return report
  }

  /// Writes what is finished, unless that was done a moment ago.
  func update(_ progress: ConformanceProgress) {
    let isDue = lastWrite.withLock { last in
      let now = ContinuousClock.now
      if let last, now - last < Self.interval { return false }
      last = now
      return true
    }
    // A failure is reported at the end, when the whole report is written.
    if isDue {
      let report = progress.report()
      // Rules are derived at the end; what is kept only says what differs.
      try? write(report, ConformanceFindings(underived: report.evidence), fallback: .nothing)
    }
  }

  /// Writes a report in place of what the file holds.
  func write(
    _ report: ConformanceReport, _ findings: ConformanceFindings,
    fallback: ReportDestination.Fallback = .standardOutput
  ) throws(CommandFailure) {
    let destination: ReportDestination
    do throws(ReportDestinationError) {
      destination = try ReportDestination(path: path, fallback: fallback)
    } catch {
      throw CommandFailure(error)
    }
    ConformanceJSON.write(report, findings, to: destination)
    try destination.close()
  }
}
