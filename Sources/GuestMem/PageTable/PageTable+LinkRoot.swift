// PageTable, recursive slot: the root entry that leads to the root.

internal import MMU

extension ConfiguredPageTable where Configuration == NativePaging {
  /// Makes a root entry lead to the root.
  ///
  /// Nothing can be mapped below it, because what stands there are tables of other levels: every
  /// operation refuses that with ``PageTableError/invalidEntry(linearAddress:level:entry:)``, and so
  /// does a clone, whose slot would lead to this root. To unmap the range of the whole entry takes it
  /// away. The contracts have to be told of it: ``ContractContext/recursiveSlot``.
  ///
  /// - Throws: ``PageTableError/noSuchRootEntry(_:)``, ``PageTableError/noRights(_:)``,
  ///   ``PageTableError/unreadable(_:)``, ``PageTableError/noExecuteUnavailable``,
  ///   ``PageTableError/alreadyMapped(linearAddress:level:entry:)`` when the entry is not absent,
  ///   and ``PageTableError/busy(linearAddress:level:holder:)``; nothing has changed then.
  public mutating func linkRoot(_ slot: RecursiveSlot) throws(PageTableError) {
    let level = tables.rootLevel
    guard level > 1, 0..<NativePaging.entryCount ~= slot.index else {
      throw .noSuchRootEntry(slot.index)
    }
    let position = UInt64(slot.index) << NativePaging.shift(level)
    guard !slot.rights.isEmpty else { throw .noRights(tables.address(position)) }
    guard slot.rights.contains(.read) else { throw .unreadable(slot.rights) }
    guard slot.rights.contains(.execute) || paging.isNoExecuteEnabled else {
      throw .noExecuteUnavailable
    }
    let found = tables.memory.entry(root, slot.index)
    guard found == 0 else {
      throw .alreadyMapped(
        linearAddress: tables.address(position), level: levelNumbered(level), entry: found)
    }
    guard !tables.metadata.nodeState(of: root.frame).isLocked else {
      throw tables.busy(root, level: level, position: position)
    }
    tables.memory.setEntry(root, slot.index, slot.entry(to: root))
    tables.addPresent(1, to: root)
  }
}
