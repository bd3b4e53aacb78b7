// Host: what this machine can do, for tests that need it.

import Probe
import TestImages

enum Host {
  /// Why KVM cannot be used here, or nil when it can.
  static let kvmProblem: String? = {
    do throws(MachineError) {
      _ = try Verifier(devicePath: "/dev/kvm")
      return nil
    } catch {
      return error.message
    }
  }()

  /// True when QEMU is installed here.
  static let hasQEMU = (try? QEMUMachineFactory()) != nil

  /// The reason that a skipped test shows.
  static let qemuReason = "needs qemu-system-x86_64 on PATH (package qemu-system-x86)"

  /// True when guests can run here, or must.
  static var hasKVM: Bool { RequiredMachine.mustHaveKVM || kvmProblem == nil }
}
