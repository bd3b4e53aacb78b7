// AccessedDirtySnapshot: the accessed and dirty bits of all entries at one moment.

internal import MMU

/// What was observed of A and D, to be compared with what is there later (CK-24).
public struct AccessedDirtySnapshot<Configuration: PageTableConfiguration> {
  /// The words of all entries that are not 0, by their guest-physical address.
  public private(set) var words: [UInt64: UInt64] = [:]

  /// Reads all entries below `root`; none when that is the root of tables in other memory.
  ///
  /// - Complexity: reads every table once.
  public init(of root: TableFrame, in tables: TableMemory<Configuration>) {
    guard let root = tables.memory.table(linkedBy: root.address) else { return }
    var visited = VisitedTables()
    collect(root, level: tables.rootLevel, tables, &visited)
  }

  private mutating func collect(
    _ table: TableFrame, level: UInt64, _ tables: TableMemory<Configuration>,
    _ visited: inout VisitedTables
  ) {
    guard visited.isFirstVisit(table, level: level) else { return }
    for index in 0..<Configuration.entryCount {
      let word = tables.memory.entry(table, index)
      guard word != 0 else { continue }
      words[table.address | UInt64(index) << 3] = word
      if case .table = EntryClass(word, level: level, in: Configuration.entryFormat),
        let child = tables.memory.table(linkedBy: word)
      {
        collect(child, level: level &- 1, tables, &visited)
      }
    }
  }

  /// The entries whose word is otherwise the same now but has lost A or D.
  public func lost(since earlier: AccessedDirtySnapshot) -> [ContractViolation] {
    let status: UInt64 = EntryBits.accessed | EntryBits.dirty
    var violations: [ContractViolation] = []
    for (address, before) in earlier.words.sorted(by: { $0.key < $1.key }) {
      guard let now = words[address], (before ^ now) & ~status == 0, before & ~now & status != 0
      else { continue }
      violations.append(
        ContractViolation(
          rule: .accessedDirty, path: [], linearAddress: 0, level: .pageTable, word: now,
          frame: address >> 12,
          detail: "the entry at \(hexadecimal(address)) was \(hexadecimal(before))"))
    }
    return violations
  }
}
