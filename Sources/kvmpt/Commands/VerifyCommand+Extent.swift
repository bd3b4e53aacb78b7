// How much verify executes, and what it says beforehand about how long that takes.

import Probe

extension VerifyCommand {
  /// Takes `--exhaustive`, and tells how long the probes take.
  func useExtent(in options: inout VerificationOptions, _ line: ProgressLine) {
    options.extent = exhaustive ? .exhaustive : .reduced
    let timeout = machine.timeout.duration
    let extent = options.extent
    options.estimateObserver = { estimate in
      line.note(doneCount: estimate.doneCount, totalCount: estimate.probeCount)
      if let warning = EstimateText(estimate, timeout: timeout, extent).warning {
        line.say(warning)
      }
    }
  }
}
