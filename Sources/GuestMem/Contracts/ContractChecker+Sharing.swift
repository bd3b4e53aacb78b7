// ContractChecker, shared halves: what a root has that is not its own.

internal import MMU

extension ContractChecker {
  /// Checks an entry that the node does not own: in the other half of a root, or behind the last
  /// entry of a small test format.
  @inlinable
  mutating func checkForeign(
    _ word: UInt64, _ table: TableFrame, level: UInt64, position: UInt64, index: Int
  ) {
    guard index < Configuration.entryCount else {
      if word != 0 {
        report(
          .nothingElse, table, level: level, position: position, word: word,
          "a word behind the last entry")
      }
      return
    }
    // The caller's root may be one in other, larger memory.
    guard let given = context.sharedRoot, given != table,
      let shared = tables.memory.table(linkedBy: given.address)
    else {
      if word != 0 {
        report(
          .ownedSpace, table, level: level, position: position, word: word,
          "the entry is not this table's")
      }
      return
    }
    let original = tables.memory.entry(shared, index)
    if (word ^ original) & ~EntryBits.accessed != 0 {
      report(
        .ownedSpace, table, level: level, position: position, word: word,
        "the entry should be \(hexadecimal(original)), as in the shared root")
    }
  }

  /// Checks that a root whose entries are never removed links a table in each entry it owns.
  @inlinable
  mutating func checkAnchors(_ table: TableFrame, level: UInt64, position: UInt64) {
    guard level == tables.rootLevel, Configuration.topLevelRemoval == .forbidden else { return }
    for index in tables.ownedIndices(level) {
      let word = tables.memory.entry(table, index)
      if EntryClass(word, level: level, in: Configuration.entryFormat) != .table {
        path.append(index)
        report(
          .kernelAnchor, table, level: level, position: position, word: word,
          "entry \(index) of a kernel root links no table")
        path.removeLast()
      }
    }
  }
}
