// Which machines answered, for JUnit and TAP.

import Probe

extension ReportSuite {
  /// The machines as properties, each with the number of probes that it executed.
  static func machines(_ report: any ProofReport) -> [(name: String, value: String)] {
    guard let profile = report.profile else {
      return [("machine", "none: only the model was asked")]
    }
    let machines = report.machines
    guard machines.answers.count > 1 else {
      return [("machine", profile.words)]
        + (machines.problem.map { [("machine not asked", $0.message)] } ?? [])
    }
    return machines.answers.flatMap { answers in
      [
        ("machine", answers.profile.words),
        ("executed by \(answers.profile.identity.name)", "\(answers.total.executedCount)"),
      ]
    } + [("machines differ", "\(machines.differenceCount)")]
      + (machines.uncomparedCount > 0
        ? [("machines not compared", "\(machines.uncomparedCount)")] : [])
  }
}
