// What a machine lacks for an address space.

extension MachineProfile {
  /// Why an address space of these settings cannot be executed, or nil when it can.
  public func obstacle(for space: AddressSpace) -> NotRunReason? {
    obstacle(rootLevel: space.rootLevel, settings: space.processor)
  }
}
