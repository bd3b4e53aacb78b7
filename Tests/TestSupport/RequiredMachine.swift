// RequiredMachine: what the caller of the tests says that this machine has.

/// What must be here, so that a test which needs it fails where it is not, and is not skipped.
public enum RequiredMachine {
  /// True when `KVMPT_REQUIRE_KVM` is 1: guests must run here.
  public static let mustHaveKVM = TestSetting.text("KVMPT_REQUIRE_KVM") == "1"
}
