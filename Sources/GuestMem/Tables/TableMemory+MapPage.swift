// TableMemory, map one page: the common case without loops over ranges.

extension TableMemory {
  /// Maps one 4 KiB page if every table for it is there and nothing is in the way; says whether.
  ///
  /// `metadata` is that of these tables, which the caller has at hand from the comparison with it.
  /// Written out for the tables of processors, so that every shift is a constant.
  @inlinable @inline(__always)
  func mapPage(
    _ leaf: UInt64, belowLevel4 root: TableFrame, address: UInt64, linkBits: UInt64,
    metadata: FrameMetadataView
  ) -> Bool {
    // A fair lock's word is not stored plainly.
    guard Configuration.nodeLock == .spin,
      let table = nearPageTable(of: address, belowLevel4: root, linkBits: linkBits)
    else { return false }
    // A near link has metadata, so this is the word of its frame.
    let state = metadata.nearNodeState(of: table)
    let index = Configuration.index(address, 1)
    guard _fastPath(memory.entry(table, index) == 0),
      _fastPath(state.isFreeNode(ofLevelNumber: 1))
    else { return false }
    memory.setEntry(table, index, leaf)
    metadata.setNearNodeState(state.withOneMorePresent, of: table)
    return true
  }

  /// Maps one page as a leaf at `leafLevel`, and makes the tables that are missing; says whether.
  ///
  /// False when something is in the way or needs more than this: nothing has changed then. The
  /// allocator was found to be that of these tables.
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
      guard let child = nearTable(linkedBy: entry, with: linkBits) else { return false }
      table = child
      level &-= 1
      guard metadata.nearNodeState(of: table).isFreeNode(ofLevelNumber: level) else { return false }
      index = Configuration.index(address, level)
      entry = memory.entry(table, index)
    }
    guard entry == 0, level >= leafLevel else { return false }
    let needed = level &- leafLevel
    if allocator.freeFrames < needed {
      allocator.collectReturned()
      guard allocator.freeFrames >= needed else {
        throw .outOfFrames(needed: needed, available: allocator.freeFrames)
      }
    }
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
