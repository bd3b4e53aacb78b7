// PageTable, clone: a second address space with the same pages, copied when they are written.

internal import MMU

extension ConfiguredPageTable {
  /// A table of its own with the same pages; pages that were writable are writable in neither.
  ///
  /// Writable pages lose the right to write and get software bit `bit`, here and in the clone, so
  /// that a fault handler can tell them; pages that own frames share them. A and D stay here and
  /// are the same in the clone. What the root does not own is linked by both.
  ///
  /// A processor that runs on this table may still hold a translation with the right to write: flush
  /// it before either table is relied upon, or it writes to what both have.
  ///
  /// - Throws: ``PageTableError``; nothing has changed then.
  /// - Complexity: linear in the number of entries.
  @inlinable
  public mutating func cloneCopyOnWrite(
    markingWith bit: UInt16, allocator: inout FrameAllocator
  ) throws(PageTableError) -> ConfiguredPageTable {
    let mask: UInt16 = bit < 10 ? 1 &<< bit : 0x400
    try tables.validate(PageProperties(rights: [.read, .execute], softwareBits: mask))
    var tablesLeft = tables.largestTableCount(allocator)
    let needed = try tables.checkClone(root, level: tables.rootLevel, tablesLeft: &tablesLeft)
    try tables.check(&allocator, has: needed)
    let mark = EntryBits.software(mask)
    let copy = try tables.clone(root, level: tables.rootLevel, mark: mark, allocator: &allocator)
    return ConfiguredPageTable(tables: tables, root: copy)
  }
}

extension TableMemory {
  /// Counts the tables of a clone and finds what cannot be shared.
  @inlinable
  func checkClone(
    _ table: TableFrame, level: UInt64, tablesLeft: inout UInt64
  ) throws(PageTableError) -> UInt64 {
    var count: UInt64 = 1
    for index in ownedIndices(level) {
      let entry = memory.entry(table, index)
      switch EntryClass(entry, level: level, in: Configuration.entryFormat) {
      case .absent: break
      case .invalid: throw invalid(entry, 0, level)
      case .table:
        guard tablesLeft > 0 else { throw invalid(entry, 0, level) }
        tablesLeft &-= 1
        count &+= try checkClone(
          try child(of: entry, level: level, position: 0), level: level &- 1,
          tablesLeft: &tablesLeft)
      case .leaf:
        guard Configuration.leafOwnership.isTracked(entry) else { break }
        let shift = Configuration.shift(level)
        let first = EntryBits.leafAddress(entry, shift: shift) &>> 12
        for frame in first..<first &+ (1 &<< (shift &- 12)) {
          guard case .shared(let owners) = metadata.ownership(of: frame),
            owners < FrameOwnership.maximumOwnerCount
          else { throw invalid(entry, 0, level) }
        }
      }
    }
    return count
  }

  @inlinable
  func clone(
    _ table: TableFrame, level: UInt64, mark: UInt64, allocator: inout FrameAllocator
  ) throws(PageTableError) -> TableFrame {
    guard let copy = newTable(level: level, used: 0..<0, allocator: &allocator) else {
      throw .outOfFrames(needed: 1, available: allocator.freeFrames)
    }
    let owned = ownedIndices(level)
    for index in 0..<Configuration.entryCount {
      var entry = memory.entry(table, index)
      guard entry != 0 else { continue }
      guard owned.contains(index) else {
        memory.setEntry(copy, index, entry)
        continue
      }
      switch EntryClass(entry, level: level, in: Configuration.entryFormat) {
      case .absent, .invalid: continue
      case .table:
        guard let child = memory.table(linkedBy: entry) else { continue }
        let below = try clone(child, level: level &- 1, mark: mark, allocator: &allocator)
        memory.setEntry(copy, index, below.address | (entry & EntryBits.userLink))
      case .leaf:
        let isWritable = Configuration.entryFormat.saysWritable(entry)
        while isWritable,
          !memory.compareExchangeEntry(
            table, index, &entry, entry & ~EntryBits.writable | mark)
        {}
        if isWritable { entry = entry & ~EntryBits.writable | mark }
        memory.setEntry(copy, index, entry)
        if Configuration.leafOwnership.isTracked(entry) {
          let shift = Configuration.shift(level)
          let first = EntryBits.leafAddress(entry, shift: shift) &>> 12
          for frame in first..<first &+ (1 &<< (shift &- 12)) {
            try? metadata.addOwner(of: frame)
          }
        }
      }
      addPresent(1, to: copy)
    }
    return copy
  }
}
