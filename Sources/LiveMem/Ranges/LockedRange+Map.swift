// LockedRange, map: pages where nothing was mapped.

public import GuestMem
public import MMU

extension LockedRange {
  /// Maps `byteCount` bytes at `linearAddress`, which lie in the range, to those at `physicalAddress`; the
  /// marks of these pages go.
  ///
  /// Processors need not flush anything: they keep no translation of an absent entry.
  ///
  /// - Parameters:
  ///   - linearAddress: The first byte, a multiple of 4 KiB.
  ///   - byteCount: The number of bytes, a multiple of 4 KiB.
  ///   - physicalAddress: Where it leads, a multiple of 4 KiB.
  ///   - properties: What the pages allow.
  ///   - pageSizes: The sizes of pages to use; the largest that fit unless told otherwise.
  /// - Throws: what one thread's `map` throws, with nothing changed;
  ///   ``LiveTableError/interrupted(_:)`` when a guest writes there during the call, after some of the
  ///   pages are mapped.
  @inlinable
  public mutating func map(
    _ linearAddress: LinearAddress, byteCount: UInt64, to physicalAddress: GuestPhysicalAddress,
    properties: PageProperties, pageSizes: PageSizeChoice = .largest
  ) throws(LiveTableError) {
    let part = try part(linearAddress, byteCount: byteCount)
    let request: MapRequest
    do throws(PageTableError) {
      guard !properties.rights.isEmpty else { throw .noRights(linearAddress.rawValue) }
      try places.validate(properties)
      try places.checkPhysical(physicalAddress, byteCount: byteCount)
      try places.checkAlignment(
        pageSizes, position: part.lowerBound, physical: physicalAddress, byteCount: byteCount)
      request = MapRequest(
        leaf: places.untrackedLeaf(properties),
        leafLevels: try places.leafLevels(pageSizes),
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
    var frames = try takeFrames(needed)
    if request.linkBits & EntryBits.user != 0 { addUser(above: part.lowerBound) }
    do throws(PageTableError) {
      try writeMap(request, covering, level: level, part, physicalAddress.rawValue, &frames)
    } catch {
      giveBack(frames)
      throw .interrupted(error)
    }
    // Fewer were needed than counted only if a guest made links meanwhile.
    giveBack(frames)
  }

  /// Finds what is in the way of a mapping, and counts the tables that it needs.
  @inlinable
  func checkMap(
    _ request: MapRequest, _ parent: TableFrame, level: UInt64, _ range: Range<UInt64>,
    _ physical: UInt64, needed: inout UInt64
  ) throws(PageTableError) {
    if level == 1 {
      var position = range.lowerBound
      // Absent pages are the rule; the loop below says what is in the way of others.
      while position < range.upperBound,
        places.load(parent, Configuration.index(position, 1)) == 0
      {
        position &+= 4096
      }
      if position == range.upperBound { return }
    }
    for part in Configuration.parts(of: range, at: level) {
      let target = physical &+ (part.lowerBound &- range.lowerBound)
      let entry = places.load(parent, Configuration.index(part.lowerBound, level))
      switch EntryClass(entry, level: level, in: Configuration.entryFormat) {
      case .absent:
        needed &+= request.tablesBelow(Configuration.self, level, part, target)
      case .table:
        guard let child = places.child(of: entry, level: level) else {
          throw places.invalid(entry, part.lowerBound, level)
        }
        // A table is in the way of a larger page unless smaller ones may be used instead.
        guard request.leafLevels & ((1 &<< level) &- 1) != 0 else {
          throw .alreadyMapped(
            linearAddress: places.address(part.lowerBound), level: levelNumbered(level),
            entry: entry)
        }
        try checkMap(request, child, level: level &- 1, part, target, needed: &needed)
      case .leaf:
        throw .alreadyMapped(
          linearAddress: places.address(part.lowerBound), level: levelNumbered(level),
          entry: entry)
      case .invalid:
        guard Mark(entry: entry) != nil else { throw places.invalid(entry, part.lowerBound, level) }
        // A mark goes, or is split by as many tables as an absent entry would need.
        needed &+= request.tablesBelow(Configuration.self, level, part, target)
      }
    }
  }

  /// Writes a mapping that `checkMap` accepted.
  ///
  /// Throws only when a guest changed the tables in between. Every table that was made is linked then
  /// as well, so that none is lost.
  @inlinable
  mutating func writeMap(
    _ request: MapRequest, _ parent: TableFrame, level: UInt64, _ range: Range<UInt64>,
    _ physical: UInt64, _ frames: inout [TableFrame]
  ) throws(PageTableError) {
    let span = Configuration.span(level)
    let bits = request.leaf.bits(level)
    if level == 1 { return try writePages(bits | physical, parent, range) }
    var added = 0
    defer { places.addPresent(added, to: parent) }
    for part in Configuration.parts(of: range, at: level) {
      let target = physical &+ (part.lowerBound &- range.lowerBound)
      let index = Configuration.index(part.lowerBound, level)
      let entry = places.load(parent, index)
      if entry == 0 {
        if request.isLeaf(level, span, part, target) {
          Access.store(places.word(parent, index), bits | target)
        } else {
          let child: TableFrame
          var failure: PageTableError?
          if level == 2 {
            child = try newPages(request.leaf.small | target, part, &frames)
          } else {
            child = try newTable(level: level &- 1, &frames)
            do throws(PageTableError) {
              try writeMap(request, child, level: level &- 1, part, target, &frames)
            } catch {
              failure = error
            }
          }
          // Complete, and locked if others can reach it, before the entry that leads to it.
          Access.store(places.word(parent, index), child.address | request.linkBits)
          if let failure {
            added &+= 1
            throw failure
          }
        }
        added &+= 1
      } else if Mark(entry: entry) != nil, request.isLeaf(level, span, part, target) {
        Access.store(places.word(parent, index), bits | target)
      } else {
        let child =
          Mark(entry: entry) != nil
          ? try splitMark(parent, index, level: level, position: part.lowerBound, &frames)
          : places.child(of: entry, level: level)
        guard let child else { throw places.invalid(entry, part.lowerBound, level) }
        if request.linkBits & EntryBits.user != 0,
          places.load(parent, index) & EntryBits.user == 0
        {
          _ = Access.fetchOr(places.word(parent, index), EntryBits.user)
        }
        try writeMap(request, child, level: level &- 1, part, target, &frames)
      }
    }
  }

  /// Writes pages into one table at level 1, whose first leaf is `first`.
  @inlinable
  func writePages(
    _ first: UInt64, _ parent: TableFrame, _ range: Range<UInt64>
  ) throws(PageTableError) {
    var leaf = first
    var position = range.lowerBound
    var marked = 0
    defer {
      places.addPresent(
        Int(truncatingIfNeeded: (position &- range.lowerBound) &>> 12) &- marked, to: parent)
    }
    while position < range.upperBound {
      let word = places.word(parent, Configuration.index(position, 1))
      let found = Access.load(word)
      if found != 0 {
        guard Mark(entry: found) != nil else { throw places.invalid(found, position, 1) }
        marked &+= 1
      }
      Access.store(word, leaf)
      leaf &+= 4096
      position &+= 4096
    }
  }

  /// Makes a table at level 1 with the pages of `range`, the first of which has the leaf `first`.
  @inlinable
  mutating func newPages(
    _ first: UInt64, _ range: Range<UInt64>, _ frames: inout [TableFrame]
  ) throws(PageTableError) -> TableFrame {
    let start = Configuration.index(range.lowerBound, 1)
    let used = start..<start &+ Int(truncatingIfNeeded: range.byteCount &>> 12)
    let child = try newTable(level: 1, used: used, &frames)
    places.view.fillUnlinked(child, used, first: first, step: 4096)
    return child
  }

  /// Makes a table at `level` of one of `frames`, without linking it; above level 1 of one that the pool
  /// has for such tables, if there is one.
  ///
  /// The entries outside `used` are absent; those in it are the caller's to fill.
  @inlinable
  mutating func newTable(
    level: UInt64, used: Range<Int> = 0..<0, _ frames: inout [TableFrame]
  ) throws(PageTableError) -> TableFrame {
    var taken: TableFrame?
    if level > 1 {
      // SAFETY: as for `takeFrames`.
      taken = unsafe table._withUnsafeGuaranteedRef { $0.pool.take(level: level) }
    }
    guard let frame = taken ?? frames.popLast() else {
      throw .outOfFrames(needed: 1, available: 0)
    }
    places.view.clearUnlinked(frame, 0..<used.lowerBound)
    places.view.clearUnlinked(frame, used.upperBound..<512)
    var state = NodeState(levelNumber: level, presentCount: used.count)
    if Self.locksNewTables {
      state = state.locked(by: Access.thread)
      below.append(frame)
      Configuration.didLock(frame: frame.frame, level: levelNumbered(level))
    }
    places.makeNode(state, frame)
    return frame
  }

  /// Makes the entries above the covering table user entries, because a user page comes below.
  ///
  /// They stay what they are otherwise: nobody unlinks a table above one that is locked.
  @inlinable
  func addUser(above position: UInt64) {
    var parent = places.root
    var level = places.rootLevel
    while level > self.level {
      let index = Configuration.index(position, level)
      let entry = places.load(parent, index)
      guard let child = places.child(of: entry, level: level) else { return }
      if entry & EntryBits.user == 0 {
        _ = Access.fetchOr(places.word(parent, index), EntryBits.user)
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

  /// Maps `byteCount` bytes at `linearAddress` to those at `physicalAddress`; the marks of these pages go.
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
