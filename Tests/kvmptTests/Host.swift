// Host: what this machine can do, for tests that need it.

import Probe

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

  /// True when guests can run here.
  static var hasKVM: Bool { kvmProblem == nil }
}
