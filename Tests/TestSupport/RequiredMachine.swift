// RequiredMachine: what the caller of the tests says that this machine has.

internal import Glibc

/// What must be here, so that a test which needs it fails where it is not, and is not skipped.
public enum RequiredMachine {
  /// True when `KVMPT_REQUIRE_KVM` is 1: guests must run here.
  public static let mustHaveKVM: Bool = {
    // SAFETY: getenv answers nil or a zero-terminated string that lives as long as the process, and
    // the tests never change the environment.
    unsafe getenv("KVMPT_REQUIRE_KVM").map { unsafe String(cString: $0) } == "1"
  }()
}
