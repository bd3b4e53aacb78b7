// Verification: the place where the main job meets its experiment and its renderers.

import Probe

/// One run of `kvmpt verify` after its input has been read.
struct Verification {
  let command: VerifyCommand
  let input: AddressSpaceFile
  let destination: ReportDestination

  func run() throws(CommandFailure) -> ExitStatus {
    throw CommandFailure(.internalError, "the experiment is not part of this build")
  }
}
