// ArchitectureRule: every rule that the model applies, one case for each bit, level or mode.

/// A rule of the model: what one bit at one level, or one mode of the processor, does.
///
/// A rule can be left out (see ``EveryRuleExcept``), which gives a model that is wrong in exactly
/// one respect: a test matrix that is worth its name must notice.
@frozen public enum ArchitectureRule: UInt8, CaseIterable, Hashable, Sendable {
  // Linear addresses.
  case canonical48BitAddress, canonical57BitAddress, stackFaultForStackAccess

  // P: the entry must be present.
  case presentInPTE, presentInPDE, presentInPDPTE, presentInPML4E, presentInPML5E
  case notPresentEntryIsIgnored, tableOutsideMemoryIsNotPresent

  // Reserved bits.
  case unimplementedAddressInPTE, unimplementedAddressInPDE, unimplementedAddressInPDPTE
  case unimplementedAddressInPML4E, unimplementedAddressInPML5E
  case noExecuteReservedInPTE, noExecuteReservedInPDE, noExecuteReservedInPDPTE
  case noExecuteReservedInPML4E, noExecuteReservedInPML5E
  case pageSizeReservedInPDPTE, pageSizeReservedInPML4E, pageSizeReservedInPML5E
  case bit8ReservedInPML4E, bit8ReservedInPML5E
  case lowAddressReservedIn2MiBPage, lowAddressReservedIn1GiBPage

  // Which entries map a page, and where.
  case pageSizeInPDE, pageSizeInPDPTE
  case patBitIn2MiBPage, patBitIn1GiBPage
  case offsetIn4KiBPage, offsetIn2MiBPage, offsetIn1GiBPage

  // R/W, U/S and XD.
  case readWriteInPTE, readWriteInPDE, readWriteInPDPTE, readWriteInPML4E, readWriteInPML5E
  case userSupervisorInPTE, userSupervisorInPDE, userSupervisorInPDPTE
  case userSupervisorInPML4E, userSupervisorInPML5E
  case noExecuteInPTE, noExecuteInPDE, noExecuteInPDPTE, noExecuteInPML4E, noExecuteInPML5E

  // The processor's modes.
  case writeProtectStopsSupervisorWrite, writeProtectClearAllowsSupervisorWrite
  case smepStopsSupervisorFetch
  case smapStopsSupervisorRead, smapStopsSupervisorWrite
  case alignmentCheckFlagSuspendsSMAP, implicitAccessIgnoresAlignmentCheckFlag
  case implicitAccessIsSupervisorAccess

  // Protection keys.
  case userKeyAccessDisable, userKeyWriteDisable
  case supervisorKeyAccessDisable, supervisorKeyWriteDisable
  case keyWriteDisableNeedsWriteProtect, keyDoesNotStopFetch, keyIsReadFromLeafOnly

  // Accessed and dirty.
  case accessedInPTE, accessedInPDE, accessedInPDPTE, accessedInPML4E, accessedInPML5E
  case dirtyInPTE, dirtyInPDE, dirtyInPDPTE
  case dirtyNeedsWrite, faultLeavesLeafUntouched

  // The error code.
  case errorCodePresent, errorCodeWrite, errorCodeUser, errorCodeReserved
  case errorCodeFetchWithNoExecute, errorCodeFetchWithSMEP, errorCodeFetchNeedsMode
  case errorCodeProtectionKey
}
