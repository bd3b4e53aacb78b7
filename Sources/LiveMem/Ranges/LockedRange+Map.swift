// LockedRange, map: pages where nothing was mapped.

public import GuestMem
public import MMU

extension LockedRange {
  /// Maps `byteCount` bytes at `linearAddress`, which lie in the range, to those at `physicalAddress`.
  ///
  /// Processors need not flush anything: they keep no translation of an absent entry.
  ///
  /// - Parameters:
  ///   - linearAddress: The first byte, a multiple of 4 KiB.
  ///   - byteCount: The number of bytes, a multiple of 4 KiB.
  ///   - physicalAddress: Where it leads, a multiple of 4 KiB.
  ///   - properties: What the pages allow.
  ///   - pageSizes: The sizes of pages to use; the largest that fit unless told otherwise.
  /// - Throws: what one thread's `map` throws, with nothing changed.
  @inlinable
  public mutating func map(
    _ linearAddress: LinearAddress, byteCount: UInt64, to physicalAddress: GuestPhysicalAddress,
    properties: PageProperties, pageSizes: PageSizeChoice = .largest
  ) throws(LiveTableError) {
    let part = try part(linearAddress, byteCount: byteCount)
    let request: MapRequest
    do throws(PageTableError) {
      guard !properties.rights.isEmpty else { throw .noRights(linearAddress.rawValue) }
      try table.tables.validate(properties)
      try table.tables.checkPhysical(physicalAddress, byteCount: byteCount)
      try table.tables.checkAlignment(
        pageSizes, position: part.lowerBound, physical: physicalAddress, byteCount: byteCount)
      request = MapRequest(
        leaf: table.tables.untrackedLeaf(properties),
        leafLevels: try table.tables.leafLevels(pageSizes),
        linkBits: Configuration.entryFormat.link(to: properties))
    } catch {
      throw .table(error)
    }
    var needed: UInt64 = 0
    do throws(PageTableError) {
      try checkMap(
        request, covering, level: level, part, physicalAddress.rawValue, needed: &needed)
    } catch {
      throw .table(error)
    }
    var frames = try table.takeFrames(needed)
    if request.linkBits & EntryBits.user != 0 { addUser(above: part.lowerBound) }
    do throws(PageTableError) {
      try writeMap(request, covering, level: level, part, physicalAddress.rawValue, &frames)
    } catch {
      table.giveBack(frames)
      throw .table(error)
    }
    // Fewer were needed than counted only if a guest made links meanwhile.
    table.giveBack(frames)
  }

  /// Finds what is in the way of a mapping, and counts the tables that it needs.
  @inlinable
  func checkMap(
    _ request: MapRequest, _ parent: TableFrame, level: UInt64, _ range: Range<UInt64>,
    _ physical: UInt64, needed: inout UInt64
  ) throws(PageTableError) {
    for part in Configuration.parts(of: range, at: level) {
      let target = physical &+ (part.lowerBound &- range.lowerBound)
      let entry = table.load(parent, Configuration.index(part.lowerBound, level))
      switch EntryClass(entry, level: level, in: Configuration.entryFormat) {
      case .absent:
        needed &+= request.tablesBelow(Configuration.self, level, part, target)
      case .table:
        guard let child = table.child(of: entry, level: level) else {
          throw table.tables.invalid(entry, part.lowerBound, level)
        }
        // A table is in the way of a larger page unless smaller ones may be used instead.
        guard request.leafLevels & ((1 &<< level) &- 1) != 0 else {
          throw .alreadyMapped(
            linearAddress: table.tables.address(part.lowerBound), level: levelNumbered(level),
            entry: entry)
        }
        try checkMap(request, child, level: level &- 1, part, target, needed: &needed)
      case .leaf:
        throw .alreadyMapped(
          linearAddress: table.tables.address(part.lowerBound), level: levelNumbered(level),
          entry: entry)
      case .invalid:
        throw table.tables.invalid(entry, part.lowerBound, level)
      }
    }
  }

  /// Writes a mapping that `checkMap` accepted.
  ///
  /// Throws only when a guest changed the tables in between.
  @inlinable
  mutating func writeMap(
    _ request: MapRequest, _ parent: TableFrame, level: UInt64, _ range: Range<UInt64>,
    _ physical: UInt64, _ frames: inout [TableFrame]
  ) throws(PageTableError) {
    let span = Configuration.span(level)
    let bits = request.leaf.bits(level)
    var added = 0
    defer { table.addPresent(added, to: parent) }
    for part in Configuration.parts(of: range, at: level) {
      let target = physical &+ (part.lowerBound &- range.lowerBound)
      let index = Configuration.index(part.lowerBound, level)
      let entry = table.load(parent, index)
      if entry == 0 {
        if request.isLeaf(level, span, part, target) {
          Access.store(table.word(parent, index), bits | target)
        } else {
          let child = try newTable(level: level &- 1, &frames)
          try writeMap(request, child, level: level &- 1, part, target, &frames)
          // Complete, and locked if others can reach it, before the entry that leads to it.
          Access.store(table.word(parent, index), child.address | request.linkBits)
        }
        added &+= 1
      } else {
        guard let child = table.child(of: entry, level: level) else {
          throw table.tables.invalid(entry, part.lowerBound, level)
        }
        if request.linkBits & ~entry & EntryBits.user != 0 {
          _ = Access.fetchOr(table.word(parent, index), EntryBits.user)
        }
        try writeMap(request, child, level: level &- 1, part, target, &frames)
      }
    }
  }

  /// Makes an empty table at `level` of one of `frames`, without linking it.
  @inlinable
  mutating func newTable(
    level: UInt64, _ frames: inout [TableFrame]
  ) throws(PageTableError) -> TableFrame {
    guard let frame = frames.popLast() else { throw .outOfFrames(needed: 1, available: 0) }
    table.tables.memory.clearUnlinked(frame, 0..<512)
    var state = NodeState(levelNumber: level, presentCount: 0)
    if Self.locksNewTables {
      state = state.locked(by: Access.thread)
      below.append(frame)
      Configuration.didLock(frame: frame.frame, level: levelNumbered(level))
    }
    table.pool.metadata.setOwnership(.shared(1), of: frame.frame)
    table.pool.metadata.setNodeState(state, of: frame.frame)
    return frame
  }

  /// Makes the entries above the covering table user entries, because a user page comes below.
  ///
  /// They stay what they are otherwise: nobody unlinks a table above one that is locked.
  @inlinable
  func addUser(above position: UInt64) {
    var parent = table.root
    var level = table.tables.rootLevel
    while level > self.level {
      let index = Configuration.index(position, level)
      let entry = table.load(parent, index)
      guard let child = table.child(of: entry, level: level) else { return }
      if entry & EntryBits.user == 0 {
        _ = Access.fetchOr(table.word(parent, index), EntryBits.user)
      }
      parent = child
      level &-= 1
    }
  }
}

extension SharedPageTable {
  /// Gives frames back that were taken and not used.
  @inlinable
  func giveBack(_ frames: [TableFrame]) {
    for frame in frames { pool.give(frame) }
  }

  /// Maps `byteCount` bytes at `linearAddress` to those at `physicalAddress`.
  ///
  /// - Throws: as ``LockedRange/map(_:byteCount:to:properties:pageSizes:)``, and `busy` when the range
  ///   is not free in time.
  @inlinable
  public func map(
    _ linearAddress: LinearAddress, byteCount: UInt64, to physicalAddress: GuestPhysicalAddress,
    properties: PageProperties, pageSizes: PageSizeChoice = .largest,
    patience: Patience = .standard
  ) throws(LiveTableError) {
    _ = try withRange(linearAddress, byteCount: byteCount, patience: patience) {
      range throws(LiveTableError) in
      try range.map(
        linearAddress, byteCount: byteCount, to: physicalAddress, properties: properties,
        pageSizes: pageSizes)
    }
  }
}
