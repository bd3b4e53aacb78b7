// FlagDisagreement: an entry whose A, D or other bits are not what the model says.

public import MMU

/// A word of a table that the guest's accesses changed otherwise than the model says.
///
/// Source: Intel SDM volume 3A, section 5.8 (accessed and dirty flags).
public struct FlagDisagreement: Hashable, Sendable {
  /// Where the entry stands in guest-physical memory.
  public let entryAddress: UInt64
  /// The accesses that came between before and after.
  public let manner: ProbeManner
  /// The word before the accesses.
  public let before: UInt64
  /// The word after them.
  public let after: UInt64
  /// The bits that had to be set.
  public let mustSet: UInt64
  /// The bits that might be set.
  public let maySet: UInt64
  /// A page whose translation uses the entry, if a probed one does.
  public let page: ProbePage?
  /// The level of the entry on the way to that page.
  public let level: Level?
  /// The name of the machine, in a report.
  public internal(set) var machine: String?
}

extension FlagDisagreement {
  /// What is wrong, in words.
  public var message: String {
    let expected = before | mustSet
    let missing = expected & ~after
    let unexpected = after & ~expected & ~maySet
    var parts: [String] = []
    if missing & PageTableEntry.Bit.accessed != 0 { parts.append("bit 5 (A) was not set") }
    if missing & PageTableEntry.Bit.dirty != 0 { parts.append("bit 6 (D) was not set") }
    if unexpected & PageTableEntry.Bit.accessed != 0 {
      parts.append("bit 5 (A) was set without need")
    }
    if unexpected & PageTableEntry.Bit.dirty != 0 {
      parts.append("bit 6 (D) was set without a write")
    }
    let other = (missing | unexpected) & ~(PageTableEntry.Bit.accessed | PageTableEntry.Bit.dirty)
    if other != 0 { parts.append("the bits \(HexadecimalNumber(other)) changed") }
    return parts.joined(separator: ", ")
      + " by the \(manner.kind.label) probes at CPL \(manner.privilege.rawValue)"
      + " (\(HexadecimalNumber(before)) became \(HexadecimalNumber(after)))"
  }
}

extension Deviation {
  /// The rule by which a machine changes an entry as `flags` says, or nil.
  init?(explaining flags: FlagDisagreement) {
    guard let level = flags.level, flags.before & 1 != 0,
      level == .pageTable || flags.before & PageTableEntry.Bit.pageSize != 0,
      flags.after == flags.before | PageTableEntry.Bit.accessed, flags.mustSet == 0
    else { return nil }
    self = .faultMarksLeaf(level: level)
  }
}
