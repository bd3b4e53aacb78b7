// MappedRun, rights: what the pages of a run allow in a given mode.

extension MappedRun {
  /// The explicit accesses that succeed at every page of the run in `mode`.
  ///
  /// Source: Intel SDM volume 3A, section 5.6.
  @inlinable
  public func effectiveRights(mode: CPUMode) -> EffectiveRights {
    var rights: EffectiveRights = []
    if allows(.read, mode) { rights.formUnion(.read) }
    if allows(.write, mode) { rights.formUnion(.write) }
    if allows(.fetch, mode) { rights.formUnion(.fetch) }
    return rights
  }

  @inlinable
  func allows(_ kind: AccessKind, _ mode: CPUMode) -> Bool {
    let translation = Translation(
      physicalAddress: physicalAddress, leaf: leaf, combinedRights: combinedRights)
    return !AccessRights(Access(kind), mode: mode, rules: EveryRule())
      .isStopped(translation, key: leaf.protectionKey)
  }
}
