// AuditFinding: where a rule found something.

/// A range of linear addresses to which a rule applies in one way.
public struct AuditFinding: Hashable, Sendable {
  /// The rule.
  public let rule: AuditRule
  /// The first linear address.
  public internal(set) var linearAddress: UInt64
  /// The number of bytes of linear addresses; at least 4096.
  public internal(set) var byteCount: UInt64
  /// The memory or the table that the finding is about, at its first linear address.
  public let physicalAddress: GuestPhysicalAddress
  /// The first entry to blame, where one entry is.
  public internal(set) var entry: EntryReference?
  /// Another linear address that takes part, such as an alias.
  public let otherAddress: UInt64?
  /// The bits of the entry that matter; 0 where the rule says it all.
  public let bits: UInt64
  /// The number of entries that were found.
  public internal(set) var count: Int
  /// The entries have all 64 bits set: something was written over them, they are no entries.
  public internal(set) var isAllOnes = false
  /// What a register points at, and how that is mapped wrongly.
  public internal(set) var register: RegisterProblem?
  /// The physical addresses follow each other as the linear ones do.
  public internal(set) var isContiguous = true
  /// The right that an entry above the page takes away, where ``entry`` is one of those.
  var restriction: InheritedRestriction?

  /// The last linear address.
  public var lastAddress: UInt64 { linearAddress &+ (byteCount &- 1) }

  /// What holds of all entries of one finding, and orders findings of a rule that do not join.
  var kind: FindingKind {
    FindingKind(
      level: entry?.level.rawValue ?? 0, bits: bits, isAllOnes: isAllOnes,
      detail: register?.order ?? restriction.map { 64 + Int($0.rawValue) } ?? 0,
      otherDistance: otherAddress.map { $0 &- linearAddress } ?? 0,
      hasOther: otherAddress != nil)
  }

  /// Equal kinds, of findings of one rule, without making them.
  private func isLike(_ other: AuditFinding) -> Bool {
    guard other.entry?.level == entry?.level, other.bits == bits, other.isAllOnes == isAllOnes,
      other.restriction == restriction, other.register == register
    else { return false }
    guard let otherAddress, let place = other.otherAddress else {
      return (otherAddress == nil) == (other.otherAddress == nil)
    }
    return place &- other.linearAddress == otherAddress &- linearAddress
  }

  /// Takes in `next` when it is the same one address further on.
  mutating func append(_ next: AuditFinding) -> Bool {
    guard next.linearAddress == linearAddress &+ byteCount, next.linearAddress != 0,
      next.rule == rule, isLike(next)
    else { return false }
    let isNext = next.physicalAddress.rawValue == physicalAddress.rawValue &+ byteCount
    isContiguous = isContiguous && next.isContiguous && isNext
    byteCount &+= next.byteCount
    if otherAddress == nil { count += next.count }
    return true
  }
}

/// An entry above a page takes this right away.
enum InheritedRestriction: UInt8 { case write, user, fetch }

/// What two findings of a rule have in common when they can be one.
struct FindingKind: Hashable, Comparable {
  let level: UInt8
  let bits: UInt64
  let isAllOnes: Bool
  /// The problem with a register, or the right that an entry above takes away.
  let detail: Int
  let otherDistance: UInt64
  let hasOther: Bool

  private var words: (UInt64, UInt64, UInt64) {
    (
      UInt64(level) | (isAllOnes ? 16 : 0) | (hasOther ? 32 : 0) | UInt64(detail) << 8, bits,
      otherDistance
    )
  }

  static func < (left: FindingKind, right: FindingKind) -> Bool { left.words < right.words }
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
  /// Some page is mapped.
  public internal(set) var mapsPages = true

  /// The largest number of runs that are compared with one another.
  public static let runLimit = 1 << 21
  /// The largest number of findings of one rule.
  public static let limit = 10_000
}
