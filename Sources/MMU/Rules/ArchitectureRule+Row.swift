// ArchitectureRule+Row: what is said of every rule, one row for each family.

extension ArchitectureRule: Identifiable {
  /// What is said of a rule.
  struct Row {
    /// The stable name.
    let id: String
    /// One sentence.
    let title: String
    /// The section that states it.
    let source: String

    init(_ id: String, _ title: String, _ source: String) {
      (self.id, self.title, self.source) = (id, title, source)
    }
  }

  /// The stable name of the rule, the same in every output format and every release.
  public var id: String { row.id }

  /// The rule in one sentence, in lower case and without a full stop.
  public var title: String { row.title }

  /// The section that states the rule.
  public var source: String { row.source }

  /// The sections of the manuals; DESIGN.md says in which editions they have these numbers.
  private enum Section {
    static let canonical = "Intel SDM volume 1, section 3.3.7.1"
    static let formats = "Intel SDM volume 3A, section 5.5.4"
    static let rights = "Intel SDM volume 3A, section 5.6.1"
    static let keys = "Intel SDM volume 3A, section 5.6.2"
    static let errorCode = "Intel SDM volume 3A, section 5.7"
    static let flags = "Intel SDM volume 3A, section 5.8"
    static let memoryTypes = "Intel SDM volume 3A, section 5.9.2"
    static let stackFault = "Intel SDM volume 3A, section 7.15 (interrupt 12)"
    static let highestEntries = "AMD APM volume 2, section 5.3.3"
    static let leftToProcessor =
      "left to the processor by Intel SDM volume 3A, section 7.15 (interrupt 14)"
    static let hypervisors = "not in the manuals: what KVM and QEMU do"
  }

  /// An entry's name and the end of a stable name, such as `PDE` and `in-pde`.
  private static func entry(_ level: Level) -> (name: String, suffix: String) {
    (level.entryName, "in-" + level.entryName.lowercased())
  }

  /// The name of the leaf, the page size, its highest offset bit, and the end of a stable name.
  private static func page(
    _ size: PageSize
  ) -> (leaf: String, size: String, bit: Int, suffix: String) {
    let bit = size.byteCount.trailingZeroBitCount - 1
    switch size {
    case .size4KiB: return ("PTE", "4 KiB", bit, "in-4kib-page")
    case .size2MiB: return ("PDE", "2 MiB", bit, "in-2mib-page")
    case .size1GiB: return ("PDPTE", "1 GiB", bit, "in-1gib-page")
    }
  }

  /// The row of the rule's family, for its level or size.
  var row: Row {
    switch self {
    case .canonicalAddress(.bits48):
      return Row(
        "canonical-48-bit-address", "with 4 levels, bits 63 to 47 of a linear address are equal",
        Section.canonical)
    case .canonicalAddress(.bits57):
      return Row(
        "canonical-57-bit-address", "with 5 levels, bits 63 to 56 of a linear address are equal",
        Section.canonical)
    case .stackFaultForStackAccess:
      return Row(
        "stack-fault-for-stack-access",
        "a stack access to an address that is not canonical raises #SS", Section.stackFault)
    case .present(let level):
      let (name, suffix) = Self.entry(level)
      return Row("present-\(suffix)", "P must be set in a \(name)", Section.formats)
    case .notPresentEntryIsIgnored:
      return Row(
        "not-present-entry-is-ignored",
        "nothing but P is looked at in an entry that is not present", Section.formats)
    case .tableOutsideMemoryIsNotPresent:
      return Row(
        "table-outside-memory-is-not-present",
        "a table where no memory is counts as not present", Section.hypervisors)
    case .unimplementedAddress(let level):
      let (name, suffix) = Self.entry(level)
      return Row(
        "unimplemented-address-\(suffix)", "bits MAXPHYADDR to 51 are reserved in a \(name)",
        Section.formats)
    case .noExecuteReserved(let level):
      let (name, suffix) = Self.entry(level)
      return Row(
        "no-execute-reserved-\(suffix)",
        "bit 63 of a \(name) is reserved while IA32_EFER.NXE is clear", Section.formats)
    case .pageSizeReserved(let level):
      let (name, suffix) = Self.entry(level)
      return Row(
        "page-size-reserved-\(suffix)",
        level == .pageDirectoryPointerTable
          ? "PS of a \(name) is reserved without 1 GiB pages" : "bit 7 of a \(name) is reserved",
        Section.formats)
    case .bit8Reserved(let level):
      let (name, suffix) = Self.entry(level)
      return Row(
        "bit-8-reserved-\(suffix)", "bit 8 of a \(name) is reserved on AMD processors",
        Section.highestEntries)
    case .lowAddressReserved(let size):
      let (leaf, _, bit, suffix) = Self.page(size)
      return Row(
        "low-address-reserved-\(suffix)",
        "bits \(bit) to 13 of a \(leaf) that maps a page are reserved", Section.formats)
    case .pageSize(let size):
      let (leaf, name, _, _) = Self.page(size)
      return Row(
        "page-size-in-\(leaf.lowercased())", "PS of a \(leaf) makes it map a \(name) page",
        Section.formats)
    case .patBit(let size):
      let (leaf, _, _, suffix) = Self.page(size)
      return Row(
        "pat-bit-\(suffix)",
        "bit 12 of a \(leaf) that maps a page is PAT, not address and not reserved",
        Section.memoryTypes)
    case .offset(let size):
      let (_, name, bit, suffix) = Self.page(size)
      return Row(
        "offset-\(suffix)",
        "bits \(bit) to 0 of the linear address choose the byte of a \(name) page",
        Section.formats)
    case .readWrite(let level):
      let (name, suffix) = Self.entry(level)
      return Row("read-write-\(suffix)", "R/W of a \(name) limits writes", Section.rights)
    case .userSupervisor(let level):
      let (name, suffix) = Self.entry(level)
      return Row(
        "user-supervisor-\(suffix)", "U/S of a \(name) limits user-mode accesses", Section.rights)
    case .noExecute(let level):
      let (name, suffix) = Self.entry(level)
      return Row("no-execute-\(suffix)", "XD of a \(name) limits fetches", Section.rights)
    case .writeProtectStopsSupervisorWrite:
      return Row(
        "write-protect-stops-supervisor-write", "CR0.WP = 1 makes R/W bind supervisor mode",
        Section.rights)
    case .writeProtectClearAllowsSupervisorWrite:
      return Row(
        "write-protect-clear-allows-supervisor-write",
        "CR0.WP = 0 frees supervisor mode from R/W", Section.rights)
    case .smepStopsSupervisorFetch:
      return Row(
        "smep-stops-supervisor-fetch",
        "CR4.SMEP stops supervisor-mode fetches from user-mode addresses", Section.rights)
    case .smapStopsSupervisorRead:
      return Row(
        "smap-stops-supervisor-read",
        "CR4.SMAP stops supervisor-mode reads of user-mode addresses", Section.rights)
    case .smapStopsSupervisorWrite:
      return Row(
        "smap-stops-supervisor-write",
        "CR4.SMAP stops supervisor-mode writes to user-mode addresses", Section.rights)
    case .alignmentCheckFlagSuspendsSMAP:
      return Row(
        "alignment-check-flag-suspends-smap",
        "EFLAGS.AC suspends CR4.SMAP for explicit accesses", Section.rights)
    case .implicitAccessIgnoresAlignmentCheckFlag:
      return Row(
        "implicit-access-ignores-alignment-check-flag",
        "EFLAGS.AC does not suspend CR4.SMAP for implicit accesses", Section.rights)
    case .implicitAccessIsSupervisorAccess:
      return Row(
        "implicit-access-is-supervisor-access",
        "an implicit access is a supervisor-mode access at any CPL", Section.rights)
    case .userKeyAccessDisable:
      return Row(
        "user-key-access-disable", "AD of PKRU stops data accesses to user-mode addresses",
        Section.keys)
    case .userKeyWriteDisable:
      return Row(
        "user-key-write-disable", "WD of PKRU stops writes to user-mode addresses", Section.keys)
    case .supervisorKeyAccessDisable:
      return Row(
        "supervisor-key-access-disable",
        "AD of IA32_PKRS stops data accesses to supervisor-mode addresses", Section.keys)
    case .supervisorKeyWriteDisable:
      return Row(
        "supervisor-key-write-disable",
        "WD of IA32_PKRS stops writes to supervisor-mode addresses", Section.keys)
    case .keyWriteDisableNeedsWriteProtect:
      return Row(
        "key-write-disable-needs-write-protect", "CR0.WP = 0 frees supervisor mode from WD",
        Section.keys)
    case .keyDoesNotStopFetch:
      return Row(
        "key-does-not-stop-fetch", "a protection key does not limit fetches", Section.keys)
    case .keyIsReadFromLeafOnly:
      return Row(
        "key-is-read-from-leaf-only",
        "the protection key of an entry that maps no page is ignored", Section.keys)
    case .accessed(let level):
      let (name, suffix) = Self.entry(level)
      return Row(
        "accessed-\(suffix)", "the processor sets A in a \(name) that it uses", Section.flags)
    case .dirty(let size):
      let leaf = Self.page(size).leaf
      return Row(
        "dirty-in-\(leaf.lowercased())", "a write sets D in a \(leaf) that maps the page",
        Section.flags)
    case .dirtyNeedsWrite:
      return Row(
        "dirty-needs-write", "an access that is not a write leaves D as it is", Section.flags)
    case .faultLeavesLeafUntouched:
      return Row(
        "fault-leaves-leaf-untouched", "a fault leaves the entry that caused it as it is",
        Section.leftToProcessor)
    case .errorCodePresent:
      return Row(
        "error-code-present",
        "bit 0 (P) of the error code says that every entry used was present", Section.errorCode)
    case .errorCodeWrite:
      return Row(
        "error-code-write", "bit 1 (W/R) of the error code says that the access was a write",
        Section.errorCode)
    case .errorCodeUser:
      return Row(
        "error-code-user", "bit 2 (U/S) of the error code says that it was a user-mode access",
        Section.errorCode)
    case .errorCodeReserved:
      return Row(
        "error-code-reserved",
        "bit 3 (RSVD) of the error code says that a reserved bit was set", Section.errorCode)
    case .errorCodeFetchWithNoExecute:
      return Row(
        "error-code-fetch-with-no-execute",
        "bit 4 (I/D) of the error code reports fetches with IA32_EFER.NXE", Section.errorCode)
    case .errorCodeFetchWithSMEP:
      return Row(
        "error-code-fetch-with-smep",
        "bit 4 (I/D) of the error code reports fetches with CR4.SMEP", Section.errorCode)
    case .errorCodeFetchNeedsMode:
      return Row(
        "error-code-fetch-needs-mode",
        "bit 4 (I/D) of the error code needs IA32_EFER.NXE or CR4.SMEP", Section.errorCode)
    case .errorCodeProtectionKey:
      return Row(
        "error-code-protection-key",
        "bit 5 (PK) of the error code says that the key forbids the access", Section.errorCode)
    }
  }
}
