// Host: what this machine can do, for tests that need it.

import KVM
import TestImages

enum Host {
  /// True when guests can run here, or must.
  static let hasKVM: Bool = {
    if RequiredMachine.mustHaveKVM { return true }
    guard let device = try? Device() else { return false }
    do throws(KVMError) {
      _ = try device.makeVirtualMachine()
      return true
    } catch {
      return false
    }
  }()
}
