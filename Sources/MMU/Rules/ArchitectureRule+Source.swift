// ArchitectureRule+Source: where the manual states every rule.

extension ArchitectureRule {
  /// The section that states the rule.
  public var source: String {
    switch self {
    case .canonical48BitAddress, .canonical57BitAddress:
      "Intel SDM volume 1, section 3.3.7.1"
    case .stackFaultForStackAccess:
      "Intel SDM volume 3A, section 7.15 (interrupt 12)"
    case .faultLeavesLeafUntouched:
      "left to the processor by Intel SDM volume 3A, section 7.15 (interrupt 14)"
    case .tableOutsideMemoryIsNotPresent:
      "not in the manuals: what KVM and QEMU do"
    case .presentInPTE, .presentInPDE, .presentInPDPTE, .presentInPML4E, .presentInPML5E,
      .notPresentEntryIsIgnored, .unimplementedAddressInPTE, .unimplementedAddressInPDE,
      .unimplementedAddressInPDPTE, .unimplementedAddressInPML4E, .unimplementedAddressInPML5E,
      .noExecuteReservedInPTE, .noExecuteReservedInPDE, .noExecuteReservedInPDPTE,
      .noExecuteReservedInPML4E, .noExecuteReservedInPML5E, .pageSizeReservedInPDPTE,
      .pageSizeReservedInPML4E, .pageSizeReservedInPML5E, .lowAddressReservedIn2MiBPage,
      .lowAddressReservedIn1GiBPage, .pageSizeInPDE, .pageSizeInPDPTE, .offsetIn4KiBPage,
      .offsetIn2MiBPage, .offsetIn1GiBPage:
      "Intel SDM volume 3A, section 5.5.4"
    case .bit8ReservedInPML4E, .bit8ReservedInPML5E:
      "AMD APM volume 2, section 5.3.3"
    case .patBitIn2MiBPage, .patBitIn1GiBPage:
      "Intel SDM volume 3A, section 5.9.2"
    case .readWriteInPTE, .readWriteInPDE, .readWriteInPDPTE, .readWriteInPML4E,
      .readWriteInPML5E, .userSupervisorInPTE, .userSupervisorInPDE, .userSupervisorInPDPTE,
      .userSupervisorInPML4E, .userSupervisorInPML5E, .noExecuteInPTE, .noExecuteInPDE,
      .noExecuteInPDPTE, .noExecuteInPML4E, .noExecuteInPML5E,
      .writeProtectStopsSupervisorWrite, .writeProtectClearAllowsSupervisorWrite,
      .smepStopsSupervisorFetch, .smapStopsSupervisorRead, .smapStopsSupervisorWrite,
      .alignmentCheckFlagSuspendsSMAP, .implicitAccessIgnoresAlignmentCheckFlag,
      .implicitAccessIsSupervisorAccess:
      "Intel SDM volume 3A, section 5.6.1"
    case .userKeyAccessDisable, .userKeyWriteDisable, .supervisorKeyAccessDisable,
      .supervisorKeyWriteDisable, .keyWriteDisableNeedsWriteProtect, .keyDoesNotStopFetch,
      .keyIsReadFromLeafOnly:
      "Intel SDM volume 3A, section 5.6.2"
    case .errorCodePresent, .errorCodeWrite, .errorCodeUser, .errorCodeReserved,
      .errorCodeFetchWithNoExecute, .errorCodeFetchWithSMEP, .errorCodeFetchNeedsMode,
      .errorCodeProtectionKey:
      "Intel SDM volume 3A, section 5.7"
    case .accessedInPTE, .accessedInPDE, .accessedInPDPTE, .accessedInPML4E, .accessedInPML5E,
      .dirtyInPTE, .dirtyInPDE, .dirtyInPDPTE, .dirtyNeedsWrite:
      "Intel SDM volume 3A, section 5.8"
    }
  }
}
