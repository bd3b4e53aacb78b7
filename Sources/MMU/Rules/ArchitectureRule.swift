// ArchitectureRule: every rule that the model applies, one case for each bit, level or mode.

/// A rule of the model: what one bit at one level, or one mode of the processor, does.
///
/// A rule can be left out (see ``EveryRuleExcept``), which gives a model that is wrong in exactly
/// one respect: a test matrix that is worth its name must notice.
@frozen public enum ArchitectureRule: UInt8, CaseIterable, Hashable, Sendable {
  /// Bits above the linear-address width equal its highest bit, else #GP or, for an access to the
  /// stack, #SS.
  case canonical48BitAddress, canonical57BitAddress, stackFaultForStackAccess

  /// P at one level: a clear one ends the walk with a page fault.
  case presentInPTE, presentInPDE, presentInPDPTE, presentInPML4E, presentInPML5E
  /// What an entry that is not present holds beside P does not matter.
  case notPresentEntryIsIgnored
  /// No memory answers where a table should be: reads of it return entries that are not present.
  case tableOutsideMemoryIsNotPresent

  /// Address bits from MAXPHYADDR to 51 at one level are reserved.
  case unimplementedAddressInPTE, unimplementedAddressInPDE, unimplementedAddressInPDPTE,
    unimplementedAddressInPML4E, unimplementedAddressInPML5E
  /// XD at one level is reserved while IA32_EFER.NXE is 0.
  case noExecuteReservedInPTE, noExecuteReservedInPDE, noExecuteReservedInPDPTE,
    noExecuteReservedInPML4E, noExecuteReservedInPML5E
  /// PS is reserved where no page can be, in a PDPTE on processors without 1 GiB pages.
  case pageSizeReservedInPDPTE, pageSizeReservedInPML4E, pageSizeReservedInPML5E
  /// Bit 8 of the highest entries is reserved on AMD's processors.
  case bit8ReservedInPML4E, bit8ReservedInPML5E
  /// The address bits of a large page below its size are reserved, but for PAT.
  case lowAddressReservedIn2MiBPage, lowAddressReservedIn1GiBPage

  /// PS makes an entry a page.
  case pageSizeInPDE, pageSizeInPDPTE
  /// Bit 12 of a large page is PAT and no address bit.
  case patBitIn2MiBPage, patBitIn1GiBPage
  /// The low bits of the linear address are the offset in the page.
  case offsetIn4KiBPage, offsetIn2MiBPage, offsetIn1GiBPage

  /// R/W at one level: a clear one denies writes.
  case readWriteInPTE, readWriteInPDE, readWriteInPDPTE, readWriteInPML4E, readWriteInPML5E
  /// U/S at one level: a clear one makes the address a supervisor-mode address.
  case userSupervisorInPTE, userSupervisorInPDE, userSupervisorInPDPTE, userSupervisorInPML4E,
    userSupervisorInPML5E
  /// XD at one level: a set one denies instruction fetches.
  case noExecuteInPTE, noExecuteInPDE, noExecuteInPDPTE, noExecuteInPML4E, noExecuteInPML5E

  /// CR0.WP decides whether R/W binds supervisor-mode writes.
  case writeProtectStopsSupervisorWrite, writeProtectClearAllowsSupervisorWrite
  /// CR4.SMEP denies supervisor-mode fetches from user-mode addresses.
  case smepStopsSupervisorFetch
  /// CR4.SMAP denies supervisor-mode data accesses to user-mode addresses.
  case smapStopsSupervisorRead, smapStopsSupervisorWrite
  /// RFLAGS.AC lifts SMAP for explicit accesses, and for no others.
  case alignmentCheckFlagSuspendsSMAP, implicitAccessIgnoresAlignmentCheckFlag
  /// An implicit access, such as one to the GDT, is a supervisor-mode access at every CPL.
  case implicitAccessIsSupervisorAccess

  /// PKRU denies data accesses, or writes, to user-mode addresses with the key.
  case userKeyAccessDisable, userKeyWriteDisable
  /// IA32_PKRS denies data accesses, or writes, to supervisor-mode addresses with the key.
  case supervisorKeyAccessDisable, supervisorKeyWriteDisable
  /// What keys do not do: bind supervisor-mode writes while CR0.WP is 0, deny fetches, count in
  /// entries that link tables.
  case keyWriteDisableNeedsWriteProtect, keyDoesNotStopFetch, keyIsReadFromLeafOnly

  /// A at one level is set by an access that used the entry.
  case accessedInPTE, accessedInPDE, accessedInPDPTE, accessedInPML4E, accessedInPML5E
  /// D of the leaf is set by a write.
  case dirtyInPTE, dirtyInPDE, dirtyInPDPTE
  /// Only a write sets D; an access that is denied sets neither A nor D of the leaf.
  case dirtyNeedsWrite, faultLeavesLeafUntouched

  /// P, W/R, U/S and RSVD of the error code.
  case errorCodePresent, errorCodeWrite, errorCodeUser, errorCodeReserved
  /// I/D of the error code, which is set where fetches can be denied: with IA32_EFER.NXE or
  /// CR4.SMEP.
  case errorCodeFetchWithNoExecute, errorCodeFetchWithSMEP, errorCodeFetchNeedsMode
  /// PK of the error code.
  case errorCodeProtectionKey
}
