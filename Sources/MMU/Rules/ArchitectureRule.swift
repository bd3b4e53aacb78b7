// ArchitectureRule: every rule that the model applies, by family and level.

/// A rule of the model: what one bit at one level, or one mode of the processor, does.
///
/// A case with a level or a page size is a family of rules, of which ``allCases`` has those that the
/// architecture knows; what is said of a family stands in one row of `ArchitectureRule+Row.swift`.
///
/// A rule can be left out (see ``EveryRuleExcept``), which gives a model that is wrong in exactly
/// one respect: a test matrix that is worth its name must notice.
@frozen public enum ArchitectureRule: Hashable, Sendable {
  /// Bits above the linear-address width equal its highest bit, else #GP or, for an access to the
  /// stack, #SS.
  case canonicalAddress(LinearAddressWidth)
  /// An access to the stack raises #SS where another one raises #GP.
  case stackFaultForStackAccess

  /// P: a clear one ends the walk with a page fault.
  case present(at: Level)
  /// What an entry that is not present holds beside P does not matter.
  case notPresentEntryIsIgnored
  /// No memory answers where a table should be: its entries count as not present.
  case tableOutsideMemoryIsNotPresent

  /// Address bits from MAXPHYADDR to 51 are reserved.
  case unimplementedAddress(at: Level)
  /// XD is reserved while IA32_EFER.NXE is 0.
  case noExecuteReserved(at: Level)
  /// PS is reserved where no page can be: in a PDPTE on processors without 1 GiB pages.
  case pageSizeReserved(at: Level)
  /// Bit 8 of the highest entries is reserved on AMD's processors.
  case bit8Reserved(at: Level)
  /// The address bits of a large page below its size are reserved, but for PAT.
  case lowAddressReserved(in: PageSize)

  /// PS makes an entry a page of this size.
  case pageSize(PageSize)
  /// Bit 12 of a large page is PAT and no address bit.
  case patBit(in: PageSize)
  /// The low bits of the linear address are the offset in the page.
  case offset(in: PageSize)

  /// R/W: a clear one denies writes.
  case readWrite(at: Level)
  /// U/S: a clear one makes the address a supervisor-mode address.
  case userSupervisor(at: Level)
  /// XD: a set one denies instruction fetches.
  case noExecute(at: Level)

  /// CR0.WP set: R/W binds supervisor-mode writes.
  case writeProtectStopsSupervisorWrite
  /// CR0.WP clear: R/W does not bind supervisor-mode writes.
  case writeProtectClearAllowsSupervisorWrite
  /// CR4.SMEP denies supervisor-mode fetches from user-mode addresses.
  case smepStopsSupervisorFetch
  /// CR4.SMAP denies supervisor-mode reads of user-mode addresses.
  case smapStopsSupervisorRead
  /// CR4.SMAP denies supervisor-mode writes to user-mode addresses.
  case smapStopsSupervisorWrite
  /// RFLAGS.AC lifts SMAP for explicit accesses.
  case alignmentCheckFlagSuspendsSMAP
  /// RFLAGS.AC does not lift SMAP for implicit accesses.
  case implicitAccessIgnoresAlignmentCheckFlag
  /// An implicit access, such as one to the GDT, is a supervisor-mode access at every CPL.
  case implicitAccessIsSupervisorAccess

  /// AD of PKRU denies data accesses to user-mode addresses with the key.
  case userKeyAccessDisable
  /// WD of PKRU denies writes to user-mode addresses with the key.
  case userKeyWriteDisable
  /// AD of IA32_PKRS denies data accesses to supervisor-mode addresses with the key.
  case supervisorKeyAccessDisable
  /// WD of IA32_PKRS denies writes to supervisor-mode addresses with the key.
  case supervisorKeyWriteDisable
  /// WD does not bind supervisor-mode writes while CR0.WP is 0.
  case keyWriteDisableNeedsWriteProtect
  /// A key denies no fetch.
  case keyDoesNotStopFetch
  /// The key of an entry that links a table is ignored.
  case keyIsReadFromLeafOnly

  /// A is set by an access that used the entry.
  case accessed(at: Level)
  /// D of the leaf is set by a write.
  case dirty(in: PageSize)
  /// Only a write sets D.
  case dirtyNeedsWrite
  /// An access that is denied sets neither A nor D of the leaf.
  case faultLeavesLeafUntouched

  /// P of the error code.
  case errorCodePresent
  /// W/R of the error code.
  case errorCodeWrite
  /// U/S of the error code.
  case errorCodeUser
  /// RSVD of the error code.
  case errorCodeReserved
  /// I/D of the error code, with IA32_EFER.NXE.
  case errorCodeFetchWithNoExecute
  /// I/D of the error code, with CR4.SMEP.
  case errorCodeFetchWithSMEP
  /// I/D of the error code is 0 without both.
  case errorCodeFetchNeedsMode
  /// PK of the error code.
  case errorCodeProtectionKey
}

extension ArchitectureRule: CaseIterable {
  /// Every rule, families by level or size from the smallest on.
  public static let allCases: [ArchitectureRule] = {
    let levels = Level.allCases
    let sizes = PageSize.allCases
    let large: [PageSize] = [.size2MiB, .size1GiB]
    let highest: [Level] = [.pageMapLevel4, .pageMapLevel5]
    var all: [ArchitectureRule] = [
      .canonicalAddress(.bits48), .canonicalAddress(.bits57), .stackFaultForStackAccess,
    ]
    all += levels.map { .present(at: $0) }
    all += [.notPresentEntryIsIgnored, .tableOutsideMemoryIsNotPresent]
    all += levels.map { .unimplementedAddress(at: $0) }
    all += levels.map { .noExecuteReserved(at: $0) }
    all += ([.pageDirectoryPointerTable] + highest).map { .pageSizeReserved(at: $0) }
    all += highest.map { .bit8Reserved(at: $0) }
    all += large.map { .lowAddressReserved(in: $0) }
    all += large.map { .pageSize($0) }
    all += large.map { .patBit(in: $0) }
    all += sizes.map { .offset(in: $0) }
    all += levels.map { .readWrite(at: $0) }
    all += levels.map { .userSupervisor(at: $0) }
    all += levels.map { .noExecute(at: $0) }
    all += [
      .writeProtectStopsSupervisorWrite, .writeProtectClearAllowsSupervisorWrite,
      .smepStopsSupervisorFetch, .smapStopsSupervisorRead, .smapStopsSupervisorWrite,
      .alignmentCheckFlagSuspendsSMAP, .implicitAccessIgnoresAlignmentCheckFlag,
      .implicitAccessIsSupervisorAccess, .userKeyAccessDisable, .userKeyWriteDisable,
      .supervisorKeyAccessDisable, .supervisorKeyWriteDisable, .keyWriteDisableNeedsWriteProtect,
      .keyDoesNotStopFetch, .keyIsReadFromLeafOnly,
    ]
    all += levels.map { .accessed(at: $0) }
    all += sizes.map { .dirty(in: $0) }
    all += [
      .dirtyNeedsWrite, .faultLeavesLeafUntouched, .errorCodePresent, .errorCodeWrite,
      .errorCodeUser, .errorCodeReserved, .errorCodeFetchWithNoExecute, .errorCodeFetchWithSMEP,
      .errorCodeFetchNeedsMode, .errorCodeProtectionKey,
    ]
    return all
  }()

  /// The rule that reserves `bit` of an entry at `level`, given that some rule does.
  static func reserving(bit: Int, at level: Level) -> ArchitectureRule {
    switch (bit, level) {
    case (63, _): .noExecuteReserved(at: level)
    case (32..., _): .unimplementedAddress(at: level)
    case (7, _): .pageSizeReserved(at: max(level, .pageDirectoryPointerTable))
    case (8, _): .bit8Reserved(at: max(level, .pageMapLevel4))
    case (_, .pageDirectory): .lowAddressReserved(in: .size2MiB)
    default: .lowAddressReserved(in: .size1GiB)
    }
  }
}
