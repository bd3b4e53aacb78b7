// Host: what this machine can do, for tests that need it.

import Probe
import TestSupport

/// The machines that tests can run on here.
public enum Host {
  /// Why KVM cannot be used here, or nil when it can.
  public static let kvmProblem: String? = {
    do throws(MachineError) {
      _ = try KVMMachineFactory()
      return nil
    } catch {
      return error.message
    }
  }()

  /// Why QEMU cannot be used here, or nil when it can.
  public static let qemuProblem: String? = {
    do throws(MachineError) {
      _ = try QEMUMachineFactory()
      return nil
    } catch {
      return error.message
    }
  }()

  /// True when guests can run here, or must.
  public static var hasKVM: Bool { RequiredMachine.mustHaveKVM || kvmProblem == nil }

  /// True when QEMU is installed here.
  public static var hasQEMU: Bool { qemuProblem == nil }

  /// The reason that a test shows which is skipped without KVM.
  public static let kvmReason = "needs /dev/kvm"

  /// The reason that a test shows which is skipped without QEMU.
  public static let qemuReason = "needs qemu-system-x86_64 on PATH (package qemu-system-x86)"
}
