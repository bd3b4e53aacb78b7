// MachineOptions: the options of every command that runs a guest.

import ArgumentParser

/// What to do on a machine without KVM.
enum MissingKVMPolicy: String, ExpressibleByArgument, CaseIterable, Sendable {
  /// End with exit code 69.
  case fail
  /// End with exit code 77.
  case skip
  /// Compare what was asked with the model only, and say so in the report.
  case model
}

/// Which machine runs the guest, and for how long.
struct MachineOptions: ParsableArguments {
  @Option(
    name: .customLong("kvm-device"),
    help: ArgumentHelp("The KVM device.", valueName: "path"))
  var devicePath = "/dev/kvm"

  @Option(
    help: ArgumentHelp(
      "The time limit of the whole run, such as 500ms, 30s or 2m.", valueName: "time"))
  var timeout = TimeLimit(.seconds(60))
}
