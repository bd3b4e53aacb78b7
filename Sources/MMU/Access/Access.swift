// Access: what is done with a linear address, and on whose behalf.

/// Which part of the processor's work makes an access.
@frozen public enum AccessOrigin: UInt8, CaseIterable, Hashable, Sendable {
  /// The instruction itself, through any segment but SS: an explicit access.
  case instruction
  /// An explicit access through SS, such as a push: #SS instead of #GP where not canonical.
  case stack
  /// An access to a descriptor table or task-state segment: supervisor-mode whatever the CPL.
  ///
  /// Source: Intel SDM volume 3A, section 5.6.1 (implicit supervisor-mode accesses).
  case implicitSupervisor
}

/// One access to a linear address.
@frozen public struct Access: Hashable, Sendable {
  /// Read, write or fetch.
  public var kind: AccessKind
  /// Which part of the processor's work makes the access.
  public var origin: AccessOrigin

  /// Puts an access together; `origin` counts for data accesses only.
  @inlinable
  public init(_ kind: AccessKind, origin: AccessOrigin = .instruction) {
    self.kind = kind
    self.origin = origin
  }
}
