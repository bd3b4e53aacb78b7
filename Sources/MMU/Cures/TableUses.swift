// TableUses: which entries link each table, and what the leaves reach.

/// What one traversal of the tables says about every table: who links it, and as what.
public struct TableUses: Sendable {
  /// The entries that link a table, by the table's frame and the level it is used at.
  private(set) var links: [UInt64: [EntryReference]] = [:]
  /// The frames that hold tables, the root's among them.
  public private(set) var frames: Set<UInt64> = []
  /// The address behind the highest page that a leaf maps, words of nothing but ones left out.
  private(set) var highestPageEnd: UInt64 = 0
  /// The tables whose uses these are.
  public let tables: PageTables

  /// Goes through `tables` once.
  ///
  /// Complexity: proportional to the number of tables.
  public init<Memory: PhysicalMemory & ~Copyable>(
    of tables: PageTables, in memory: borrowing Memory
  ) {
    self.tables = tables
    var surveyor = Surveyor()
    tables.traverse(in: memory, &surveyor)
    links = surveyor.links
    frames = surveyor.frames
    highestPageEnd = surveyor.highestPageEnd
  }

  /// The entries that link the table in `frame` as one of `level`.
  func links(to frame: UInt64, at level: Level) -> [EntryReference] {
    links[frame | UInt64(level.rawValue)] ?? []
  }

  /// Some entry links the table in `frame`, or it is the root.
  func isUsed(_ frame: UInt64) -> Bool { frames.contains(frame) }

  /// The root is linked by an entry: a recursive slot, through which tables are lower ones too.
  var isRecursive: Bool {
    Level.allCases.contains { !links(to: tables.rootAddress.rawValue, at: $0).isEmpty }
  }

  private struct Surveyor: TableVisitor {
    var links: [UInt64: [EntryReference]] = [:]
    var frames: Set<UInt64> = []
    var highestPageEnd: UInt64 = 0
    private var seen: Set<UInt64> = []

    mutating func visit(_ table: TableVisit) -> TraversalDecision {
      let key = table.address.rawValue | UInt64(table.level.rawValue)
      if let parent = table.parent { links[key, default: []].append(parent) }
      guard seen.insert(key).inserted else { return .skip }
      frames.insert(table.address.rawValue)
      return .enter
    }

    mutating func visit(_ entry: EntryVisit, in table: TableVisit) -> TraversalDecision {
      if case .page(let size) = entry.kind, entry.entry.rawValue != ~0 {
        highestPageEnd = max(
          highestPageEnd, entry.entry.pageAddress.rawValue &+ size.byteCount)
      }
      return .enter
    }
  }
}
