// MachineFeature: what a machine may have or not.

/// Something that a machine may have or not.
public enum MachineFeature: String, CaseIterable, Hashable, Sendable {
  case fiveLevelPaging = "5-level-paging"
  case oneGiBPages = "1gib-pages"
  case noExecute = "nx"
  case writeProtect = "wp"
  case smep
  case smap
  case protectionKeys = "protection-keys"
  case supervisorProtectionKeys = "supervisor-protection-keys"
}
