// Walk+Blame: which rules stop an access, and at which entries.

extension Walk {
  /// Blame for a walk that found no page; nil when it found one.
  ///
  /// Of several rules that reserve a set bit, the one of the lowest bit is named.
  @usableFromInline
  func blameForEnd() -> Blame? {
    switch end {
    case .page: return nil
    case .notPresent(let level):
      return Blame(
        rule: .present(at: level), step: lastStep, bits: PageTableEntry.Bit.present)
    case .reservedBits:
      var first: Blame?
      visitReserved { blame in
        first = blame
        return .stop
      }
      return first
    case .tableOutsideMemory:
      return Blame(
        rule: .tableOutsideMemoryIsNotPresent, step: lastStep, bits: PageTableEntry.Bit.address)
    case .notCanonical:
      return Blame(
        rule: rootLevel == .pageMapLevel5 ? .canonicalAddress(.bits57) : .canonicalAddress(.bits48))
    }
  }

  /// Whether a visit wants to hear of further restrictions.
  @usableFromInline enum Visit { case goOn, stop }

  /// Names each rule by which reserved bits ended the walk, with its bits, from bit 0 up.
  func visitReserved(_ visit: (Blame) -> Visit) {
    guard case .reservedBits(let level, let reserved) = end else { return }
    var rest = reserved
    while rest != 0 {
      let rule = ArchitectureRule.reserving(bit: rest.trailingZeroBitCount, at: level)
      var bits: UInt64 = 0
      // The bits that one rule reserves stand together.
      while rest != 0
        && ArchitectureRule.reserving(bit: rest.trailingZeroBitCount, at: level) == rule
      {
        bits |= rest & (~rest &+ 1)
        rest &= rest &- 1
      }
      if visit(Blame(rule: rule, step: lastStep, bits: bits)) == .stop { return }
    }
  }

  /// The first rule by which the rights of `translation` stop the access, or nil.
  @usableFromInline
  func firstRestriction<Rules: RuleSelection>(
    of translation: Translation, rights: AccessRights<Rules>
  ) -> Blame? {
    var first: Blame?
    visitRestrictions(of: translation, rights: rights) { blame in
      first = blame
      return .stop
    }
    return first
  }

  /// Names each rule by which the rights of `translation` stop the access.
  ///
  /// U/S comes first, then R/W, XD, SMEP, SMAP and the protection key; within one bit, the level
  /// nearest to the root.
  func visitRestrictions<Rules: RuleSelection>(
    of translation: Translation, rights: AccessRights<Rules>, _ visit: (Blame) -> Visit
  ) {
    typealias Bit = PageTableEntry.Bit
    let rules = rights.rules
    if rights.isStoppedByUserSupervisor(translation) {
      for step in steps
      where !step.entry.isUserAccessible && rules.includes(.userSupervisor(at: step.level)) {
        let blame = Blame(
          rule: .userSupervisor(at: step.level), step: step, bits: Bit.userSupervisor)
        if visit(blame) == .stop { return }
      }
    }
    if rights.isStoppedByReadWrite(translation) {
      for step in steps
      where !step.entry.isWritable && rules.includes(.readWrite(at: step.level)) {
        let blame = Blame(rule: .readWrite(at: step.level), step: step, bits: Bit.readWrite)
        if visit(blame) == .stop { return }
      }
    }
    if rights.isStoppedByNoExecute(translation) {
      for step in steps
      where step.entry.isNoExecute && rules.includes(.noExecute(at: step.level)) {
        let blame = Blame(rule: .noExecute(at: step.level), step: step, bits: Bit.noExecute)
        if visit(blame) == .stop { return }
      }
    }
    if rights.isStoppedBySMEP(translation) {
      let blame = Blame(rule: .smepStopsSupervisorFetch, step: lastStep, bits: Bit.userSupervisor)
      if visit(blame) == .stop { return }
    }
    if rights.isStoppedBySMAP(translation) {
      let rule: ArchitectureRule =
        rights.isWrite ? .smapStopsSupervisorWrite : .smapStopsSupervisorRead
      let blame = Blame(rule: rule, step: lastStep, bits: Bit.userSupervisor)
      if visit(blame) == .stop { return }
    }
    // With U/S repaired it is the user-mode key rights that count.
    let keyed = rights.isUserMode ? translation.asUserPage : translation
    if let rule = rights.keyRule(keyed, key: protectionKey(of: translation, under: rules)) {
      _ = visit(Blame(rule: rule, step: lastStep, bits: Bit.protectionKey))
    }
  }
}
