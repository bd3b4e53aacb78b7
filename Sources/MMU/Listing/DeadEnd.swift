// DeadEnd: entries that are present and lead nowhere.

/// Entries of one table that are present and through which no page is mapped, at neighbouring
/// linear addresses.
@frozen public struct DeadEnd: Hashable, Sendable {
  /// Why they lead nowhere.
  @frozen public enum Cause: Hashable, Sendable {
    /// These reserved bits are set: an access through them faults.
    case reservedBits(UInt64)
    /// They point at tables where no memory is, or none that is known.
    case tableOutsideMemory
  }

  /// Why they lead nowhere.
  public let cause: Cause
  /// The first linear address.
  public let linearAddress: UInt64
  /// The number of entries.
  public internal(set) var count: UInt64 = 1
  /// The first entry.
  public let entry: PageTableEntry
  /// Where it stands.
  public let entryAddress: GuestPhysicalAddress

  /// The number of bytes of linear addresses.
  public var byteCount: UInt64 { count &* entry.level.span }
  /// The last linear address.
  public var lastAddress: UInt64 { linearAddress &+ (byteCount &- 1) }

  /// The entry of a visit, or nil where it leads somewhere.
  @inlinable
  init?(_ visit: EntryVisit, in table: TableVisit) {
    switch visit.kind {
    case .reservedBits(let bits): cause = .reservedBits(bits)
    case .tableOutsideMemory: cause = .tableOutsideMemory
    default: return nil
    }
    linearAddress = visit.linearAddress
    entry = visit.entry
    entryAddress = GuestPhysicalAddress(
      truncating: table.address.rawValue &+ UInt64(visit.index) &* 8)
  }

  /// Takes in `next` when it is the same one entry further on; says whether it did.
  @usableFromInline
  mutating func append(_ next: DeadEnd) -> Bool {
    guard next.linearAddress == linearAddress &+ byteCount, next.linearAddress != 0,
      next.cause == cause, next.entry.level == entry.level,
      (next.entry.rawValue == .max) == (entry.rawValue == .max)
    else { return false }
    count &+= next.count
    return true
  }
}

/// The entries below a root that lead nowhere, and whether any leads somewhere.
public struct DeadEndReport: Hashable, Sendable {
  /// The first ``limit``, in the order of linear addresses.
  public internal(set) var deadEnds: [DeadEnd] = []
  /// How many more there are.
  public internal(set) var droppedCount = 0
  /// Some page is mapped.
  public internal(set) var mapsPages = false
  /// How many lead to tables that are not there.
  public internal(set) var missingTableCount = 0

  /// The largest number of dead ends that are kept.
  public static let limit = 1000

  /// All that is mapped can be said.
  public var isWhole: Bool { mapsPages && missingTableCount == 0 }

  /// None so far.
  public init() {}

  /// Takes note of an item of a listing.
  public mutating func note(_ item: ListedItem) {
    switch item {
    case .run: mapsPages = true
    case .repetition: break
    case .deadEnd(let end):
      if end.cause == .tableOutsideMemory { missingTableCount += Int(clamping: end.count) }
      if deadEnds.count < Self.limit { deadEnds.append(end) } else { droppedCount += 1 }
    }
  }
}

extension PageTables {
  /// Finds the entries that are present and lead nowhere.
  ///
  /// - Complexity: that of a listing; see ``list(in:shared:to:)``.
  public func deadEnds<Memory: PhysicalMemory & ~Copyable>(
    in memory: borrowing Memory
  ) -> DeadEndReport {
    var receiver = DeadEndReceiver()
    list(in: memory, shared: .expandUpTo(1 << 20), to: &receiver)
    return receiver.report
  }
}

/// Keeps the dead ends of a listing.
private struct DeadEndReceiver: ListingReceiver {
  var report = DeadEndReport()

  mutating func receive(_ item: ListedItem) -> ListingDecision {
    report.note(item)
    return .goOn
  }
}
