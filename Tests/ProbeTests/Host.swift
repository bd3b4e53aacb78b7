// Host: what this machine can do, for tests that need it.

import KVM
import Probe
import TestImages

enum Host {
  /// Why KVM cannot be used here, or nil when it can.
  static let kvmProblem: String? = {
    do throws(MachineError) {
      _ = try KVMMachineFactory()
      return nil
    } catch {
      return error.message
    }
  }()

  /// Why QEMU cannot be used here, or nil when it can.
  static let qemuProblem: String? = {
    do throws(MachineError) {
      _ = try QEMUMachineFactory()
      return nil
    } catch {
      return error.message
    }
  }()

  /// True when QEMU is installed here.
  static var hasQEMU: Bool { qemuProblem == nil }

  /// The reason that a skipped test shows.
  static let qemuReason = "needs qemu-system-x86_64 on PATH (package qemu-system-x86)"

  /// True when guests can run here, or must.
  static var hasKVM: Bool { RequiredMachine.mustHaveKVM || kvmProblem == nil }

  /// The reason that a skipped test shows.
  static let kvmReason = "needs /dev/kvm"
}
