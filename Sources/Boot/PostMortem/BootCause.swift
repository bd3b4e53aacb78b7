// BootCause: what killed a kernel, by name.

import MMU

/// What an address was used for when the processor could not use it.
package enum AccessRole: String, CaseIterable, Hashable, Sendable {
  /// The next instruction.
  case code
  /// The first instruction of an exception's handler.
  case handler
  /// The stack: an access just below or at RSP, or what the processor pushes for an exception.
  case stack
  /// An entry of the interrupt-descriptor table.
  case idt
  /// An entry of the global descriptor table.
  case gdt
  /// The task-state segment.
  case tss
  /// Anything else.
  case data

  /// The role as the subject of a sentence.
  package var words: String {
    switch self {
    case .code: "the code"
    case .handler: "the exception's handler"
    case .stack: "the stack"
    case .idt: "the IDT"
    case .gdt: "the GDT"
    case .tss: "the TSS"
    case .data: "the data"
    }
  }
}

/// Why an address cannot be used as it was.
package enum AccessReason: String, CaseIterable, Hashable, Sendable {
  /// An entry is not present.
  case notMapped = "not-mapped"
  /// R/W is clear in the leaf.
  case readOnly = "read-only"
  /// XD is set in the leaf.
  case noExecute = "no-execute"
  /// U/S is clear in the leaf, and the CPL is 3.
  case supervisorPage = "supervisor-page"
  /// An entry above the leaf takes the right away that the leaf gives.
  case parentDenies = "parent-denies"
  /// CR4.SMEP and a user page.
  case smep
  /// CR4.SMAP and a user page.
  case smap
  /// A protection key.
  case protectionKey = "protection-key"
  /// XD is reserved while IA32_EFER.NXE is clear.
  case noExecuteReserved = "reserved-bit-no-execute"
  /// An address bit beyond MAXPHYADDR.
  case addressReserved = "reserved-bit-address"
  /// PS in a PML4E or PML5E, or in a PDPTE of a processor without 1 GiB pages.
  case pageSizeReserved = "reserved-bit-page-size"
  /// Low address bits of a large page.
  case misalignedPage = "reserved-bit-misaligned-page"
  /// Bit 8 of an AMD processor's upper entries.
  case otherReserved = "reserved-bit"
  /// An entry leads to a table where no memory is.
  case tableOutsideMemory = "table-outside-memory"
  /// The address is not canonical.
  case notCanonical = "not-canonical"
}

/// What killed a kernel.
package enum BootCause: Hashable, Sendable {
  /// An address that could not be used, and why.
  case access(AccessRole, AccessReason)
  /// CR3 leads where no memory is.
  case rootOutsideMemory
  /// CR3 holds a linear address, which leads to this physical one.
  case rootIsLinearAddress(physical: UInt64)
  /// No entry of the root is present.
  case rootIsEmpty
  /// Most present words of the root cannot be entries.
  case rootIsNotATable
  /// A table below the root does not look like one of its level.
  case notATable
  /// An entry holds its address shifted: so many bits too low (a frame number) or too high.
  case addressShifted(AccessRole, by: Int)
  /// CR3 was loaded with bits that are reserved.
  case reservedBitsInCR3(UInt64)
  /// No IDT was loaded.
  case noIDT
  /// The IDT has no entry for the exception.
  case shortIDT
  /// The gate of the exception is not present.
  case gateNotPresent
  /// What stands in the IDT is no interrupt or trap gate of 64-bit mode.
  case gateType
  /// The gate's selector is null, beyond the GDT's limit, or not that of 64-bit code.
  case gateSelector
  /// The page tables allow the access now: an old translation, or they changed since.
  case staleTranslation
  /// An exception that paging has nothing to do with, by its vector.
  case otherException(UInt8)
  /// An exception that was no page fault; the registers do not say which.
  case noPageFault
  /// The machine cannot execute an instruction.
  case cannotExecute
  /// The guest stopped by itself.
  case stopped
  /// Registers and memory do not tell.
  case unknown

  /// The stable name of the case, the same in every output format.
  package var id: String {
    switch self {
    case .access(_, let reason) where reason.isOfEntry: reason.rawValue
    case .access(let role, let reason): role.rawValue + "-" + reason.rawValue
    case .rootOutsideMemory: "root-outside-memory"
    case .rootIsLinearAddress: "root-is-linear-address"
    case .rootIsEmpty: "root-is-empty"
    case .rootIsNotATable: "root-is-not-a-table"
    case .notATable: "not-a-table"
    case .addressShifted: "address-shifted"
    case .reservedBitsInCR3: "reserved-bits-in-cr3"
    case .noIDT: "no-idt"
    case .shortIDT: "short-idt"
    case .gateNotPresent: "gate-not-present"
    case .gateType: "gate-type"
    case .gateSelector: "gate-selector"
    case .staleTranslation: "stale-translation"
    case .otherException: "other-exception"
    case .noPageFault: "no-page-fault"
    case .cannotExecute: "cannot-execute"
    case .stopped: "stopped"
    case .unknown: "unknown"
    }
  }

  /// The cause in one sentence without a full stop.
  package var sentence: String {
    switch self {
    case .access(let role, let reason): reason.sentence(role)
    case .rootOutsideMemory: "CR3 leads where no memory is"
    case .rootIsLinearAddress(let physical):
      "CR3 was loaded with a linear address, and takes a physical one: that of the same table is "
        + hexadecimal(physical)
    case .rootIsEmpty:
      "the table that CR3 leads to has no present entry: it was never filled, or is "
        + "not the one that was meant"
    case .rootIsNotATable:
      "what CR3 leads to is no table: most of its present words cannot be entries"
    case .notATable: "an entry leads to what does not look like a table of its level"
    case .addressShifted(let role, let shift):
      shift < 0
        ? "\(role.words) cannot be reached because an entry holds a frame number where its address "
          + "belongs: shift it left by \(-shift)"
        : "\(role.words) cannot be reached because an entry holds its address shifted left by "
          + "\(shift) bits too many"
    case .reservedBitsInCR3(let bits):
      "CR3 was loaded with reserved bits, \(hexadecimal(bits)): the address of the root is a physical "
        + "one"
    case .noIDT: "an exception came before an IDT was loaded"
    case .shortIDT: "the limit of the IDT leaves no entry for the exception"
    case .gateNotPresent: "the IDT's entry for the exception is not present"
    case .gateType: "the IDT's entry for the exception is no interrupt or trap gate"
    case .gateSelector: "the selector of the exception's gate is not that of 64-bit code in the GDT"
    case .staleTranslation:
      "the tables allow the access as they are now: an old translation was used (INVLPG missing?), or "
        + "they changed since"
    case .otherException(let vector):
      "\(ExceptionVector.name(vector)), an exception that does not come from the page tables"
    case .noPageFault:
      "an exception that was no page fault: CR2 was never written; the registers do not say which"
    case .cannotExecute: "KVM of this host cannot execute the instruction"
    case .stopped: "the guest stopped by itself"
    case .unknown: "registers and memory do not tell"
    }
  }
}

extension BootCause {
  /// True for an obstacle that every exception meets, whichever it is: not for its gate and its handler.
  var isOfEveryVector: Bool {
    switch self {
    case .access(let role, _): role != .handler
    default: false
    }
  }
}

extension AccessReason {
  /// True for what is wrong with an entry whatever the address was used for.
  var isOfEntry: Bool {
    switch self {
    case .notMapped, .readOnly, .noExecute, .supervisorPage, .notCanonical: false
    default: true
    }
  }

  func sentence(_ role: AccessRole) -> String {
    let words = role.words
    return switch self {
    case .notMapped: "\(words) is not mapped by the tables in CR3"
    case .readOnly: "\(words) is read-only"
    case .noExecute: "\(words) may not be executed"
    case .supervisorPage: "\(words) is a supervisor page, and the CPL is 3"
    case .parentDenies:
      "\(words) cannot be used because an entry above the leaf takes a right away that the leaf gives"
    case .smep: "\(words) is a user page, and CR4.SMEP stops the kernel from executing it"
    case .smap: "\(words) is a user page, and CR4.SMAP stops the kernel from using it"
    case .protectionKey: "\(words) has a protection key that forbids the access"
    case .noExecuteReserved:
      "XD is set on the way to \(words), and reserved while IA32_EFER.NXE is clear"
    case .addressReserved: "an entry on the way to \(words) has address bits beyond MAXPHYADDR"
    case .pageSizeReserved: "PS is set on the way to \(words) where there is no such page"
    case .misalignedPage: "the large page of \(words) does not begin at a multiple of its size"
    case .otherReserved: "an entry on the way to \(words) has a reserved bit set"
    case .tableOutsideMemory: "an entry on the way to \(words) leads to a table where no memory is"
    case .notCanonical: "the address of \(words) is not canonical"
    }
  }

  /// The reason by the rule that is to blame; `leaf` is the level of the leaf, where there is one.
  init(_ blame: Blame, leaf: Level?) {
    let isAbove = leaf.map { leaf in (blame.level ?? leaf) > leaf } ?? false
    self =
      switch blame.rule {
      case .present: .notMapped
      case .readWrite: isAbove ? .parentDenies : .readOnly
      case .userSupervisor: isAbove ? .parentDenies : .supervisorPage
      case .noExecute: isAbove ? .parentDenies : .noExecute
      case .noExecuteReserved: .noExecuteReserved
      case .unimplementedAddress: .addressReserved
      case .pageSizeReserved: .pageSizeReserved
      case .lowAddressReserved: .misalignedPage
      case .tableOutsideMemoryIsNotPresent: .tableOutsideMemory
      case .canonicalAddress: .notCanonical
      case .smepStopsSupervisorFetch: .smep
      case .smapStopsSupervisorRead, .smapStopsSupervisorWrite: .smap
      case .userKeyAccessDisable, .userKeyWriteDisable, .supervisorKeyAccessDisable,
        .supervisorKeyWriteDisable:
        .protectionKey
      default: .otherReserved
      }
  }
}
