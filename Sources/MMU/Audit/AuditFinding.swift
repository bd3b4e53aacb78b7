// AuditFinding: where a rule found something.

/// A range of linear addresses to which a rule applies in one way.
public struct AuditFinding: Hashable, Sendable {
  /// The rule.
  public let rule: AuditRule
  /// The first linear address.
  public let linearAddress: UInt64
  /// The number of bytes of linear addresses; at least 4096.
  public internal(set) var byteCount: UInt64
  /// The memory or the table that the finding is about.
  public let physicalAddress: GuestPhysicalAddress
  /// The first entry to blame, where one entry is.
  public let entry: EntryReference?
  /// Another linear address that takes part, such as an alias.
  public let otherAddress: UInt64?
  /// The bits of the entry that matter; 0 where the rule says it all.
  public let bits: UInt64
  /// The number of entries that were found.
  public internal(set) var count: Int

  /// The last linear address.
  public var lastAddress: UInt64 { linearAddress &+ (byteCount &- 1) }

  /// Takes in `next` when it is the same one address further on.
  mutating func append(_ next: AuditFinding) -> Bool {
    guard next.rule == rule, next.linearAddress == linearAddress &+ byteCount, next.bits == bits,
      next.entry?.level == entry?.level, (next.otherAddress == nil) == (otherAddress == nil)
    else { return false }
    byteCount &+= next.byteCount
    count += next.count
    return true
  }
}

/// What an audit found.
public struct AuditReport: Sendable {
  /// The findings, in the order of the rules and then of linear addresses.
  public internal(set) var findings: [AuditFinding] = []
  /// How many findings of a rule were left out, beyond ``limit``.
  public internal(set) var droppedCounts: [AuditRule: Int] = [:]
  /// How many runs the rules about memory that is mapped twice did not see, beyond ``runLimit``.
  public internal(set) var unseenRunCount = 0
  /// The number of different frames that hold tables.
  public internal(set) var tableCount = 0

  /// The largest number of runs that are compared with one another.
  public static let runLimit = 1 << 21
  /// The largest number of findings of one rule.
  public static let limit = 10_000
}
