// TableUses: which entries link each table, and what the leaves reach.

/// What one traversal of the tables says about every table: who links it, and as what.
public struct TableUses: Sendable {
  /// The entries that link a table, by the table's frame and the level it is used at.
  private(set) var links: [UInt64: [EntryReference]] = [:]
  /// The frames that hold tables, the root's among them.
  public private(set) var frames: Set<UInt64> = []
  /// The tables whose uses these are.
  public let tables: PageTables

  /// Goes through `tables` once.
  ///
  /// - Complexity: proportional to the number of tables above level 1.
  public init<Memory: PhysicalMemory & ~Copyable>(
    of tables: PageTables, in memory: borrowing Memory
  ) {
    self.tables = tables
    guard tables.hasRoot(in: memory) else { return }
    var seen: Set<UInt64> = []
    var words = [UInt64](repeating: 0, count: 512)
    survey(
      tables.rootAddress.rawValue, tables.configuration.rootLevel, in: memory, &seen, &words)
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

  /// Notes the table in `frame`, used as one of `level`, and those that it links.
  ///
  /// A walker of its own, because leaves, of which there are many, say nothing here: they are passed
  /// over by two bits. `words` is overwritten: a table is read whole, before those that it links.
  private mutating func survey<Memory: PhysicalMemory & ~Copyable>(
    _ frame: UInt64, _ level: Level, in memory: borrowing Memory, _ seen: inout Set<UInt64>,
    _ words: inout [UInt64]
  ) {
    guard seen.insert(frame | UInt64(level.rawValue)).inserted else { return }
    frames.insert(frame)
    // Nothing is linked below a page table.
    guard let lower = level.lower else { return }
    memory.scanTable(at: GuestPhysicalAddress(truncating: frame), into: &words)
    for child in noteLinks(of: words, in: frame, level, lower, memory) {
      survey(child, lower, in: memory, &seen, &words)
    }
  }

  /// Notes the links among the words of one table, and returns the tables that they link.
  private mutating func noteLinks<Memory: PhysicalMemory & ~Copyable>(
    of words: [UInt64], in frame: UInt64, _ level: Level, _ lower: Level,
    _ memory: borrowing Memory
  ) -> [UInt64] {
    typealias Bit = PageTableEntry.Bit
    // PS is reserved where it does not make a leaf.
    let mask = Bit.present | Bit.pageSize
    var linked: [UInt64] = []
    let words = words.span
    for index in words.indices where words[index] & mask == Bit.present {
      let entry = PageTableEntry(words[index], at: level)
      guard tables.kind(of: entry, in: memory) == .table else { continue }
      let child = entry.tableAddress.rawValue
      let address = GuestPhysicalAddress(truncating: frame &+ UInt64(index) &* 8)
      links[child | UInt64(lower.rawValue), default: []].append(
        EntryReference(address, level: level))
      linked.append(child)
    }
    return linked
  }
}
