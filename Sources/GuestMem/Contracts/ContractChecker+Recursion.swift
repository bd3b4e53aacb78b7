// ContractChecker, recursive slot: the one root entry that may lead to the root.

internal import MMU

extension ContractChecker {
  /// True for the entry that the checker was told of, which nothing else is asked of.
  @inlinable
  func isRecursive(_ index: Int, level: UInt64) -> Bool {
    level == tables.rootLevel && context.recursiveSlot?.index == index
  }

  /// Checks that the recursive slot leads to this root, with its rights and nothing else.
  @inlinable
  mutating func checkRecursiveSlot(_ root: TableFrame, level: UInt64) {
    guard level == tables.rootLevel, let slot = context.recursiveSlot,
      tables.ownedIndices(level).contains(slot.index)
    else { return }
    let word = tables.memory.entry(root, slot.index)
    let expected = slot.entry(to: root)
    guard (word ^ expected) & ~(EntryBits.accessed | EntryBits.dirty) != 0 else { return }
    path.append(slot.index)
    defer { path.removeLast() }
    report(
      .recursiveSlot, root, level: level,
      position: UInt64(slot.index) &<< Configuration.shift(level), word: word,
      "the entry should be \(hexadecimal(expected)), which leads to the root")
  }
}
