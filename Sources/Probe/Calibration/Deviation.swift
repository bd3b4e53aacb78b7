// Deviation: a way in which a machine differs from the manual, as a rule.

public import MMU

/// A difference between a machine and the manual that calibration found.
public enum Deviation: Hashable, Sendable {
  /// CPL 3 cannot use what this root entry leads to: whatever the tables say, it faults, with P
  /// and RSVD of the error code not to be relied on.
  ///
  /// Known of KVM PVM and entry 256, which the host's kernel keeps for itself.
  case rootEntryUnreachableAtUser(index: Int)
  /// A reserved-bit fault is reported without P.
  ///
  /// Known of QEMU TCG.
  case reservedBitFaultWithoutPresent
  /// An access that faults at a leaf of this level sets A in it all the same.
  ///
  /// Known of QEMU TCG and 1 GiB pages.
  case faultMarksLeaf(level: Level)

  /// The stable name of the rule, the same in every output format.
  public var id: String {
    switch self {
    case .rootEntryUnreachableAtUser: "root-entry-unreachable-at-user"
    case .reservedBitFaultWithoutPresent: "reserved-bit-fault-without-present"
    case .faultMarksLeaf: "fault-marks-leaf"
    }
  }

  /// The rule in words.
  public var message: String {
    switch self {
    case .rootEntryUnreachableAtUser(let index):
      "CPL 3 cannot use root entry \(index): every access there faults, whatever the tables say"
    case .reservedBitFaultWithoutPresent:
      "the error code of a reserved-bit fault lacks P"
    case .faultMarksLeaf(let level):
      "an access that faults sets A in a \(level.entryName) that maps a page"
    }
  }

  /// True when a machine with this deviation does `executed` where the model says `modelled`.
  func explains(
    _ executed: ProbeOutcome, insteadOf modelled: AccessOutcome, at address: UInt64,
    privilege: PrivilegeLevel, rootLevel: Level
  ) -> Bool {
    guard case .pageFault(let errorCode, let cr2) = executed, cr2 == address else { return false }
    switch self {
    case .rootEntryUnreachableAtUser(let index):
      let width: LinearAddressWidth = rootLevel == .pageMapLevel5 ? .bits57 : .bits48
      return privilege == .user && width.isCanonical(address)
        && rootLevel.index(of: LinearAddress(truncating: address, width: width)) == index
    case .reservedBitFaultWithoutPresent:
      guard case .pageFault(let code) = modelled else { return false }
      return code.contains(.reserved) && errorCode == code.rawValue & ~1
    case .faultMarksLeaf: return false
    }
  }

  /// The rule by which a machine changes an entry as `flags` says, or nil.
  init?(explaining flags: FlagDisagreement) {
    guard let level = flags.level, flags.before & 1 != 0,
      level == .pageTable || flags.before & PageTableEntry.Bit.pageSize != 0,
      flags.after == flags.before | PageTableEntry.Bit.accessed, flags.mustSet == 0
    else { return nil }
    self = .faultMarksLeaf(level: level)
  }
}

extension [Deviation] {
  /// True when an access that faults may set A in a leaf at `level`.
  func letFaultsMarkLeaf(at level: Level) -> Bool { contains(.faultMarksLeaf(level: level)) }
}
