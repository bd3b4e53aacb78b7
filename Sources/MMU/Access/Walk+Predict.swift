// Walk+Predict: from a translation and a mode to what the program will see.

extension Walk {
  /// What `access` does at the address of this walk while the processor is in `mode`.
  ///
  /// `configuration` is the one that the walk was made with.
  ///
  /// Source: Intel SDM volume 3A, sections 5.6 (rights), 5.7 (faults) and 5.8 (A and D).
  @inlinable
  public func predict(
    _ access: Access, mode: CPUMode, configuration: PagingConfiguration
  ) -> AccessPrediction {
    predict(access, mode: mode, configuration: configuration, under: EveryRule())
  }

  /// What `access` does in a model that applies `rules` only, those of the walk.
  @inlinable
  public func predict<Rules: RuleSelection>(
    _ access: Access, mode: CPUMode, configuration: PagingConfiguration, under rules: Rules
  ) -> AccessPrediction {
    let rights = AccessRights(access, mode: mode, rules: rules)
    let code = rights.errorCode(configuration)
    switch end {
    case .page(let translation):
      return predict(translation, rights: rights, code: code)
    case .notPresent(let level), .tableOutsideMemory(let level, _):
      return AccessPrediction(
        outcome: .pageFault(code),
        maySetAccessed: LevelSet(above: level, upTo: rootLevel), blame: blameForEnd())
    case .reservedBits(let level, _):
      var bits = code.rawValue
      if rules.includes(.errorCodePresent) { bits |= PageFaultErrorCode.present.rawValue }
      if rules.includes(.errorCodeReserved) { bits |= PageFaultErrorCode.reserved.rawValue }
      return AccessPrediction(
        outcome: .pageFault(PageFaultErrorCode(rawValue: bits)),
        maySetAccessed: LevelSet(above: level, upTo: rootLevel), blame: blameForEnd())
    case .notCanonical:
      let isStack =
        access.kind != .fetch && access.origin == .stack
        && rules.includes(.stackFaultForStackAccess)
      return AccessPrediction(
        outcome: isStack ? .stackFault : .generalProtection, blame: blameForEnd())
    }
  }

  @inlinable
  func predict<Rules: RuleSelection>(
    _ translation: Translation, rights: AccessRights<Rules>, code: PageFaultErrorCode
  ) -> AccessPrediction {
    let key = protectionKey(of: translation, under: rights.rules)
    let leaf = translation.leaf.level
    guard rights.isStopped(translation, key: key) else {
      return success(translation, isWrite: rights.isWrite, under: rights.rules)
    }
    var bits = code.rawValue
    if rights.rules.includes(.errorCodePresent) { bits |= PageFaultErrorCode.present.rawValue }
    if rights.keyRule(translation, key: key) != nil
      && rights.rules.includes(.errorCodeProtectionKey)
    {
      bits |= PageFaultErrorCode.protectionKey.rawValue
    }
    let mayMarkLeaf = !rights.rules.includes(.faultLeavesLeafUntouched)
    return AccessPrediction(
      outcome: .pageFault(PageFaultErrorCode(rawValue: bits)),
      maySetAccessed: mayMarkLeaf
        ? LevelSet(from: leaf, through: rootLevel) : LevelSet(above: leaf, upTo: rootLevel),
      blame: firstRestriction(of: translation, rights: rights))
  }

  @inlinable
  func success<Rules: RuleSelection>(
    _ translation: Translation, isWrite: Bool, under rules: Rules
  ) -> AccessPrediction {
    let leaf = translation.leaf.level
    let accessed =
      LevelSet(from: leaf, through: rootLevel).rawValue & accessedLevels(under: rules)
    let setsDirty =
      (isWrite || !rules.includes(.dirtyNeedsWrite))
      && rules.includes(.dirty(in: translation.pageSize))
    return AccessPrediction(
      outcome: .success(translation.physicalAddress), mustSetAccessed: LevelSet(rawValue: accessed),
      mustSetDirty: setsDirty ? leaf : nil)
  }

  /// The levels that have a rule by which A is set, as the bits of a ``LevelSet``.
  @inlinable @inline(__always)
  func accessedLevels<Rules: RuleSelection>(under rules: Rules) -> UInt8 {
    (rules.includes(.accessed(at: .pageTable)) ? 1 : 0)
      | (rules.includes(.accessed(at: .pageDirectory)) ? 2 : 0)
      | (rules.includes(.accessed(at: .pageDirectoryPointerTable)) ? 4 : 0)
      | (rules.includes(.accessed(at: .pageMapLevel4)) ? 8 : 0)
      | (rules.includes(.accessed(at: .pageMapLevel5)) ? 16 : 0)
  }

  /// The key that counts: the leaf's, and in a model without that rule the upper entries' too.
  @inlinable
  func protectionKey<Rules: RuleSelection>(of translation: Translation, under rules: Rules) -> UInt8
  {
    if rules.includes(.keyIsReadFromLeafOnly) { return translation.protectionKey }
    return steps.reduce(0) { $0 | $1.entry.protectionKey }
  }
}
