// MachineFeature: what a machine may have or not.

/// Something that a machine may have or not.
public enum MachineFeature: String, CaseIterable, Hashable, Sendable {
  /// CR4.LA57 can be set.
  case fiveLevelPaging = "5-level-paging"
  /// A PDPTE can map a page.
  case oneGiBPages = "1gib-pages"
  /// IA32_EFER.NXE can be set, and XD denies fetches.
  case noExecute = "nx"
  /// CR0.WP binds supervisor-mode writes.
  case writeProtect = "wp"
  /// CR4.SMEP can be set, and denies fetches.
  case smep
  /// CR4.SMAP can be set, and denies data accesses.
  case smap
  /// CR4.PKE can be set, and PKRU denies accesses.
  case protectionKeys = "protection-keys"
  /// CR4.PKS can be set, and IA32_PKRS denies accesses.
  case supervisorProtectionKeys = "supervisor-protection-keys"
}
