// TableSummary: all that a table maps, in a few words, whatever is below it.

import GuestMem
import MMU

/// What the tables from one table down map.
///
/// It is the same wherever the table is linked: addresses are relative to its first one, and rights
/// are those that the table and what is below it leave.
struct TableSummary: Sendable {
  /// The number of leaves, each way to one counted; at most 2^45.
  var leafCount: UInt64 = 0
  /// The bytes that they map.
  var byteCount: UInt64 = 0
  /// What is true of them.
  var spread = FactSpread()
  /// The physical minus the linear address of the first leaf.
  var offset: UInt64 = 0
  /// That is the same for all leaves.
  var isContiguous = true

  mutating func addLeaf(_ leaf: PageTableEntry, at linear: UInt64, byteCount: UInt64) {
    add(
      leafCount: 1, byteCount: byteCount, FactSpread(PageFacts(leaf)),
      offset: leaf.pageAddress.rawValue &- linear, isContiguous: true)
  }

  /// Adds pages with the same facts at `linear`, which follow each other.
  mutating func addPages(
    _ facts: PageFacts, at linear: UInt64, to physical: UInt64, byteCount: UInt64
  ) {
    add(
      leafCount: facts.leafCount(in: byteCount), byteCount: byteCount, FactSpread(facts),
      offset: physical &- linear, isContiguous: true)
  }

  /// Adds what a table at `linear` maps below an entry that denies `denied`.
  mutating func add(_ table: TableSummary, at linear: UInt64, denied: PageFacts) {
    guard table.leafCount > 0 else { return }
    add(
      leafCount: table.leafCount, byteCount: table.byteCount, table.spread.without(denied),
      offset: table.offset &- linear, isContiguous: table.isContiguous)
  }

  private mutating func add(
    leafCount: UInt64, byteCount: UInt64, _ spread: FactSpread, offset: UInt64,
    isContiguous: Bool
  ) {
    if self.leafCount == 0 { self.offset = offset }
    self.isContiguous = self.isContiguous && isContiguous && self.offset == offset
    self.leafCount += leafCount
    self.byteCount += byteCount
    self.spread.add(spread)
  }
}

/// The summaries of all tables below a root, each found once for each level it is used at.
struct TableSummaries {
  let tables: PageTables
  private var known: [UInt64: TableSummary] = [:]
  private(set) var visitedEntryCount: UInt64 = 0
  private(set) var stopReason: NotRunReason?
  private let reasonToStop: () -> NotRunReason?

  init(_ tables: PageTables, reasonToStop: @escaping () -> NotRunReason?) {
    self.tables = tables
    self.reasonToStop = reasonToStop
  }

  /// Counts the entries of a table, and asks whether there is time for them.
  mutating func enter() -> Bool {
    if stopReason == nil { stopReason = reasonToStop() }
    visitedEntryCount += 512
    return stopReason == nil
  }

  /// What the entry at `index` of the table at `address` is.
  func node<Memory: PhysicalMemory & ~Copyable>(
    _ index: Int, of address: UInt64, level: Level, in memory: borrowing Memory
  ) -> TableNode {
    let place = GuestPhysicalAddress(truncating: address &+ UInt64(index) &* 8)
    guard let word = memory.loadWord(at: place), word != 0 else { return .absent }
    let entry = PageTableEntry(word, at: level)
    switch tables.kind(of: entry, in: memory) {
    case .page: return .leaf(entry)
    case .table:
      guard let lower = level.lower else { return .absent }
      return .table(entry.tableAddress.rawValue, lower, PageFacts.denied(by: entry))
    case .notPresent, .reservedBits, .tableOutsideMemory: return .absent
    }
  }

  /// The summary of the table at `address` that is used at `level`.
  ///
  /// - Complexity: 512 words for each table and level that was not summed up before.
  mutating func summary<Memory: PhysicalMemory & ~Copyable>(
    of address: UInt64, level: Level, in memory: borrowing Memory
  ) -> TableSummary {
    let key = address | UInt64(level.rawValue)
    if let summary = known[key] { return summary }
    var sum = TableSummary()
    guard enter() else { return sum }
    for index in 0..<512 {
      let linear = UInt64(index) &* level.span
      switch node(index, of: address, level: level, in: memory) {
      case .absent: break
      case .leaf(let entry): sum.addLeaf(entry, at: linear, byteCount: level.span)
      case .table(let lower, let lowerLevel, let denied):
        let part = summary(of: lower, level: lowerLevel, in: memory)
        sum.add(part, at: linear, denied: denied)
      }
    }
    if stopReason == nil { known[key] = sum }
    return sum
  }
}

/// What an entry leads to.
enum TableNode {
  /// Nothing.
  case absent
  /// A page.
  case leaf(PageTableEntry)
  /// A table, its level, and what the entry denies to all below it.
  case table(UInt64, Level, PageFacts)
}
