// CPUMode: the processor's state that decides about an access, besides the tables.

/// The privilege of the running code, and the registers that decide what its accesses may do.
///
/// Source: Intel SDM volume 3A, sections 5.1.3 and 5.6.
@dynamicMemberLookup
@frozen public struct CPUMode: Hashable, Sendable {
  /// The privilege of the running code.
  public var privilege: PrivilegeLevel
  /// The registers, whose values are members of the mode, too.
  public var controls: AccessControls

  /// Code at `privilege` with these registers; without any, CR0.WP is set and everything else 0.
  @inlinable
  public init(privilege: PrivilegeLevel, controls: AccessControls = AccessControls()) {
    self.privilege = privilege
    self.controls = controls
  }

  /// A register of ``controls``.
  @inlinable
  public subscript<Value>(dynamicMember control: WritableKeyPath<AccessControls, Value>) -> Value {
    get { controls[keyPath: control] }
    set { controls[keyPath: control] = newValue }
  }
}
