// AccessRights: the questions that section 5.6 asks about a translation, one function each.

/// An access in a mode, decided against a translation.
///
/// Source: Intel SDM volume 3A, section 5.6.
@frozen @usableFromInline
struct AccessRights<Rules: RuleSelection>: Sendable {
  @usableFromInline let mode: CPUMode
  @usableFromInline let rules: Rules
  @usableFromInline let isFetch: Bool
  @usableFromInline let isWrite: Bool
  /// The processor makes the access on its own behalf.
  @usableFromInline let isImplicit: Bool
  /// The access counts as user-mode: CPL 3, unless the processor makes it on its own behalf.
  @usableFromInline let isUserMode: Bool

  @inlinable @inline(__always)
  init(_ access: Access, mode: CPUMode, rules: Rules) {
    self.mode = mode
    self.rules = rules
    isFetch = access.kind == .fetch
    isWrite = access.kind == .write
    isImplicit = access.kind != .fetch && access.origin == .implicitSupervisor
    isUserMode =
      mode.privilege == .user
      && !(isImplicit && rules.includes(.implicitAccessIsSupervisorAccess))
  }

  /// The translation does not allow the access; `key` is the page's protection key.
  @inlinable
  func isStopped(_ translation: Translation, key: UInt8) -> Bool {
    isStoppedByUserSupervisor(translation) || isStoppedByReadWrite(translation)
      || isStoppedByNoExecute(translation) || isStoppedBySMEP(translation)
      || isStoppedBySMAP(translation) || keyRule(translation, key: key) != nil
  }

  /// U/S: a user-mode access needs a user-mode address.
  @inlinable @inline(__always)
  func isStoppedByUserSupervisor(_ translation: Translation) -> Bool {
    isUserMode && !translation.isUser
  }

  /// R/W: a write needs R/W = 1, in supervisor mode only while CR0.WP is set.
  @inlinable @inline(__always)
  func isStoppedByReadWrite(_ translation: Translation) -> Bool {
    guard isWrite && !translation.isWritable else { return false }
    if isUserMode { return true }
    return mode.controls.isWriteProtectEnabled
      ? rules.includes(.writeProtectStopsSupervisorWrite)
      : !rules.includes(.writeProtectClearAllowsSupervisorWrite)
  }

  /// XD: a fetch needs XD = 0; with IA32_EFER.NXE = 0 a set bit has ended the walk already.
  @inlinable @inline(__always)
  func isStoppedByNoExecute(_ translation: Translation) -> Bool {
    isFetch && translation.isNoExecute
  }

  /// SMEP: a supervisor-mode fetch needs a supervisor-mode address.
  @inlinable @inline(__always)
  func isStoppedBySMEP(_ translation: Translation) -> Bool {
    isFetch && !isUserMode && translation.isUser && mode.controls.isSMEPEnabled
      && rules.includes(.smepStopsSupervisorFetch)
  }

  /// SMAP: supervisor-mode data accesses to user-mode addresses need EFLAGS.AC, and be explicit.
  @inlinable @inline(__always)
  func isStoppedBySMAP(_ translation: Translation) -> Bool {
    guard !isFetch && !isUserMode && translation.isUser && mode.controls.isSMAPEnabled else {
      return false
    }
    let isSuspended =
      mode.controls.isAlignmentCheckFlagSet && rules.includes(.alignmentCheckFlagSuspendsSMAP)
      && !(isImplicit && rules.includes(.implicitAccessIgnoresAlignmentCheckFlag))
    return !isSuspended
      && rules.includes(isWrite ? .smapStopsSupervisorWrite : .smapStopsSupervisorRead)
  }

  /// The rule by which the protection key `key` of the page forbids the access, if one does.
  ///
  /// PKRU speaks about user-mode addresses, IA32_PKRS about supervisor-mode ones; AD stops all
  /// data accesses, WD stops writes, in supervisor mode only while CR0.WP is set. The key's verdict
  /// does not depend on whether U/S allows the access as well.
  ///
  /// Source: Intel SDM volume 3A, section 5.6.2.
  @inlinable
  func keyRule(_ translation: Translation, key: UInt8) -> ArchitectureRule? {
    if isFetch && rules.includes(.keyDoesNotStopFetch) { return nil }
    guard translation.isUser ? mode.controls.isPKEEnabled : mode.controls.isPKSEnabled else {
      return nil
    }
    let register = translation.isUser ? mode.controls.pkru : mode.controls.pkrs
    let disabled = register &>> (UInt32(key) &* 2) & 3
    let accessRule: ArchitectureRule =
      translation.isUser ? .userKeyAccessDisable : .supervisorKeyAccessDisable
    if disabled & 1 != 0 && rules.includes(accessRule) { return accessRule }
    let writeRule: ArchitectureRule =
      translation.isUser ? .userKeyWriteDisable : .supervisorKeyWriteDisable
    let isStrict =
      isUserMode || mode.controls.isWriteProtectEnabled
      || !rules.includes(.keyWriteDisableNeedsWriteProtect)
    return disabled & 2 != 0 && isWrite && isStrict && rules.includes(writeRule) ? writeRule : nil
  }

  /// The part of the error code that speaks about the access and not about the tables.
  @inlinable
  func errorCode(_ configuration: PagingConfiguration) -> PageFaultErrorCode {
    var code: UInt32 = 0
    if isWrite && rules.includes(.errorCodeWrite) { code |= PageFaultErrorCode.write.rawValue }
    if isUserMode && rules.includes(.errorCodeUser) { code |= PageFaultErrorCode.user.rawValue }
    let isFetchReported =
      (configuration.isNoExecuteEnabled && rules.includes(.errorCodeFetchWithNoExecute))
      || (mode.controls.isSMEPEnabled && rules.includes(.errorCodeFetchWithSMEP))
      || !rules.includes(.errorCodeFetchNeedsMode)
    if isFetch && isFetchReported { code |= PageFaultErrorCode.instructionFetch.rawValue }
    return PageFaultErrorCode(rawValue: code)
  }
}
