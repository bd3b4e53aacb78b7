// TableWalker: who reads the guest's tables on this host.

/// Who walks a guest's page tables.
///
/// KVM has no call that says so; the kernel's modules and their parameters do.
public enum TableWalker: String, CaseIterable, Hashable, Sendable {
  /// Intel's processor walks the guest's tables itself (extended page tables).
  case ept
  /// AMD's processor walks the guest's tables itself (nested page tables).
  case npt
  /// KVM builds shadow tables for a processor with VMX or SVM.
  case shadowPaging = "shadow-paging"
  /// KVM without VMX or SVM: CPL 0 is emulated, CPL 3 runs on KVM's shadow tables.
  case pvm
  /// QEMU's software MMU.
  case tcg
  /// The host does not say.
  case unknown

  /// The name in a report.
  public var name: String {
    switch self {
    case .ept: "Intel EPT"
    case .npt: "AMD NPT"
    case .shadowPaging: "KVM shadow paging"
    case .pvm: "KVM PVM (CPL 0 emulated, CPL 3 by shadow paging)"
    case .tcg: "QEMU TCG"
    case .unknown: "KVM (the host does not say how)"
    }
  }

  /// True when KVM may miss changes that the host makes to a guest's tables.
  public var isShadowing: Bool { self == .shadowPaging || self == .pvm || self == .unknown }
}
