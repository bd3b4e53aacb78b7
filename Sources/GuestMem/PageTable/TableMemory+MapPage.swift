// TableMemory, map one page: the common case without loops over ranges.

extension TableMemory {
  /// The table that an entry links, if it is near and the entry has all of `linkBits`.
  @inlinable @inline(__always)
  func nearTable(_ table: TableFrame, _ index: Int, linkBits: UInt64) -> TableFrame? {
    let entry = memory.entry(table, index)
    guard isNearLink(entry, with: linkBits) else { return nil }
    return TableFrame(validated: entry & ~4095)
  }

  /// Maps one 4 KiB page if every table for it is there and nothing is in the way; says whether.
  ///
  /// Written out for the tables of processors, so that every shift is a constant.
  @inlinable @inline(__always)
  func mapPage(
    _ leaf: UInt64, belowLevel4 root: TableFrame, address: UInt64, linkBits: UInt64
  ) -> Bool {
    guard
      let upper = nearTable(root, Configuration.index(address, 4), linkBits: linkBits),
      let middle = nearTable(upper, Configuration.index(address, 3), linkBits: linkBits),
      let table = nearTable(middle, Configuration.index(address, 2), linkBits: linkBits)
    else { return false }
    // A near link has metadata, so this is the word of its frame.
    let state = metadata.nearNodeState(of: table)
    let index = Configuration.index(address, 1)
    // Absent, and an unlocked node of level 1: both are 0 then.
    guard memory.entry(table, index) | state.differs(fromUnlockedNodeOf: 1) == 0 else {
      return false
    }
    memory.setEntry(table, index, leaf)
    metadata.setNearNodeState(
      NodeState(rawValue: state.rawValue &+ NodeState.onePresent), of: table)
    return true
  }

  /// Maps one page as a leaf at `leafLevel`, and makes the tables that are missing; says whether.
  ///
  /// False when something is in the way or needs more than this: nothing has changed then.
  @inlinable @inline(__always)
  func buildPage(
    _ leaf: UInt64, leafLevel: UInt64, linkBits: UInt64, _ root: TableFrame, address: UInt64,
    allocator: inout FrameAllocator
  ) throws(PageTableError) -> Bool {
    var table = root
    var level = rootLevel
    var index = Configuration.index(address, level)
    var entry = memory.entry(table, index)
    while level > leafLevel, entry != 0 {
      guard isNearLink(entry, with: linkBits) else { return false }
      table = TableFrame(validated: entry & ~4095)
      level &-= 1
      guard metadata.nodeState(of: table.frame).differs(fromUnlockedNodeOf: level) == 0 else {
        return false
      }
      index = Configuration.index(address, level)
      entry = memory.entry(table, index)
    }
    guard entry == 0, level >= leafLevel else { return false }
    try check(&allocator, has: level &- leafLevel)
    // From the page up: a table is complete before the entry that links it is stored.
    var word = leaf
    var below = leafLevel
    while below < level {
      let place = Configuration.index(address, below)
      guard
        let child = newTable(level: below, used: place..<place &+ 1, allocator: &allocator)
      else { throw .outOfFrames(needed: 1, available: allocator.freeFrames) }
      memory.setEntry(child, place, word)
      word = child.address | linkBits
      below &+= 1
    }
    memory.setEntry(table, index, word)
    addPresent(1, to: table)
    return true
  }
}
