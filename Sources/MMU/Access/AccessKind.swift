// AccessKind, PrivilegeLevel: what is done with an address, and by whom.

/// What an instruction does with a linear address.
@frozen public enum AccessKind: UInt8, CaseIterable, Hashable, Sendable {
  /// A data read.
  case read
  /// A data write, or the write half of a read-modify-write.
  case write
  /// An instruction fetch.
  case fetch
}

/// The privilege of the code that makes an access.
///
/// Source: Intel SDM volume 3A, section 5.6 (CPL < 3 is supervisor mode, CPL = 3 user mode).
@frozen public enum PrivilegeLevel: UInt8, CaseIterable, Hashable, Sendable {
  /// CPL 0.
  case supervisor = 0
  /// CPL 3.
  case user = 3
}
