// How much verify executes, and what it says beforehand about how long that takes.

import Probe

extension VerifyCommand {
  /// Takes `--exhaustive`, and tells how long the probes take: on `line`, and by a warning that `say`
  /// writes where the time limit is too short.
  func useExtent(
    in options: inout VerificationOptions, _ line: ProgressLine,
    say: (@Sendable (String) -> Void)? = nil
  ) {
    options.extent = exhaustive ? .exhaustive : .reduced
    let timeout = machine.timeout.duration
    let extent = options.extent
    let say = say ?? { line.say($0) }
    options.estimateObserver = { estimate in
      line.note(doneCount: estimate.doneCount, totalCount: estimate.probeCount)
      if let warning = EstimateText(estimate, timeout: timeout, extent).warning { say(warning) }
    }
  }
}
