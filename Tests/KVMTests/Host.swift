// Host: what this machine can do, for tests that need it.

import KVM

enum Host {
  /// True when guests can run here.
  static let hasKVM: Bool = {
    guard let device = try? Device() else { return false }
    do throws(KVMError) {
      _ = try device.makeVirtualMachine()
      return true
    } catch {
      return false
    }
  }()
}
