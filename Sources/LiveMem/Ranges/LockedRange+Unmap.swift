// LockedRange, unmap: pages go, and tables that become empty.

public import GuestMem
public import MMU

/// A page that was removed.
@frozen public struct RemovedPage: Hashable, Sendable {
  /// The first linear address.
  public let linearAddress: UInt64
  /// The leaf as it was when it was removed, with every A and D bit that a processor set before.
  public let entry: UInt64
  /// The level of the leaf.
  public let level: Level

  @inlinable
  init(linearAddress: UInt64, entry: UInt64, level: Level) {
    self.linearAddress = linearAddress
    self.entry = entry
    self.level = level
  }

  /// D: the page was written.
  @inlinable public var isDirty: Bool { entry & EntryBits.dirty != 0 }
}

/// What is removed from a range, or split at its ends.
@frozen @usableFromInline enum RangeContent: Hashable {
  case pages, marks, both

  @inlinable var hasPages: Bool { self != .marks }
  @inlinable var hasMarks: Bool { self != .pages }
}

extension LockedRange {
  /// Removes what is mapped or marked in a part of the range; leaves and marks that reach out of it are
  /// split first.
  ///
  /// Each leaf is exchanged for an absent entry by a locked operation, so that no D bit is lost: a
  /// processor that has the translation without D looks at the entry again before it writes.
  ///
  /// - Parameters:
  ///   - linearAddress: The first byte, a multiple of 4 KiB.
  ///   - byteCount: The number of bytes, a multiple of 4 KiB.
  ///   - visit: Is told of each page that goes, in ascending order, with the range locked; it must
  ///     not use the table.
  /// - Returns: the number of bytes that were mapped.
  /// - Throws: what is wrong with the range, `outOfFrames` when a leaf must be split and no frame is
  ///   free, and `invalidEntry` for what nobody here wrote, with nothing changed;
  ///   ``LiveTableError/interrupted(_:)`` when a guest writes there during the call, after the pages
  ///   that `visit` was shown are gone.
  @discardableResult @inlinable
  public mutating func unmap(
    _ linearAddress: LinearAddress, byteCount: UInt64, visit: (RemovedPage) -> Void = { _ in }
  ) throws(LiveTableError) -> UInt64 {
    let part = try part(linearAddress, byteCount: byteCount)
    var frames = try framesToSplit(part, .both)
    defer { giveBack(frames) }
    do throws(PageTableError) {
      return try remove(.both, covering, level: level, part, &frames, visit)
    } catch {
      throw .interrupted(error)
    }
  }

  @inlinable
  mutating func remove(
    _ content: RangeContent, _ parent: TableFrame, level: UInt64, _ range: Range<UInt64>,
    _ frames: inout [TableFrame], _ visit: (RemovedPage) -> Void
  ) throws(PageTableError) -> UInt64 {
    if level == 1 {
      return content.hasPages
        ? removePages(parent, range, visit) : removeMarks(parent, range)
    }
    let span = Configuration.span(level)
    let mayUnlink =
      places.unlinksTables
      && (level < places.rootLevel || Configuration.topLevelRemoval == .allowed)
    var removed = 0
    var byteCount: UInt64 = 0
    defer { places.addPresent(0 &- removed, to: parent) }
    for part in Configuration.parts(of: range, at: level) {
      let index = Configuration.index(part.lowerBound, level)
      let entry = places.load(parent, index)
      let isWhole = part.byteCount == span
      switch EntryClass(entry, level: level, in: Configuration.entryFormat) {
      case .absent: break
      case .leaf where !content.hasPages: break
      case .leaf where isWhole:
        let last = Access.exchange(places.word(parent, index), 0)
        removed &+= 1
        byteCount &+= span
        if last & EntryBits.present != 0 {
          flush.add(part, to: EntryBits.leafAddress(last, shift: Configuration.shift(level)))
        }
        visit(
          RemovedPage(
            linearAddress: places.address(part.lowerBound), entry: last,
            level: levelNumbered(level)))
      case .leaf:
        let child = try splitLeaf(
          parent, index, level: level, position: part.lowerBound, &frames)
        byteCount &+= try remove(content, child, level: level &- 1, part, &frames, visit)
      case .invalid where Mark(entry: entry) != nil:
        if isWhole {
          Access.store(places.word(parent, index), 0)
          removed &+= 1
        } else {
          let child = try splitMark(
            parent, index, level: level, position: part.lowerBound, &frames)
          byteCount &+= try remove(content, child, level: level &- 1, part, &frames, visit)
        }
      case .table, .invalid:
        guard let child = places.child(of: entry, level: level) else {
          // What a guest wrote there maps nothing; only an entry that is covered whole is cleaned.
          if isWhole && content.hasPages {
            _ = Access.exchange(places.word(parent, index), 0)
            flush.add(part, isTable: true)
          }
          break
        }
        byteCount &+= try remove(content, child, level: level &- 1, part, &frames, visit)
        if mayUnlink && isEmpty(child) {
          unlink(child, parent, index, part)
          removed &+= 1
        }
      }
    }
    return byteCount
  }

  /// Removes the pages of `range`, which one table at level 1 decides.
  ///
  /// What processors must drop is told once for each run of pages that led to a run of frames.
  @inlinable
  mutating func removePages(
    _ parent: TableFrame, _ range: Range<UInt64>, _ visit: (RemovedPage) -> Void
  ) -> UInt64 {
    var removed = 0
    var marked = 0
    var run: (start: UInt64, end: UInt64, target: UInt64)?
    var position = range.lowerBound
    while position < range.upperBound {
      let word = places.word(parent, Configuration.index(position, 1))
      let entry = Access.load(word)
      if entry != 0 {
        let last = Access.exchange(word, 0)
        guard case .leaf = EntryClass(entry, level: 1, in: Configuration.entryFormat) else {
          if Mark(entry: entry) != nil && last == entry {
            marked &+= 1
            position &+= 4096
            continue
          }
          // What a guest wrote there maps nothing.
          flush.add(position..<position &+ 4096, isTable: true)
          position &+= 4096
          continue
        }
        removed &+= 1
        let target = last & EntryBits.address
        if last & EntryBits.present != 0 {
          if let current = run, current.end == position,
            current.target &+ (position &- current.start) == target
          {
            run = (current.start, position &+ 4096, current.target)
          } else {
            if let run { flush.add(run.start..<run.end, to: run.target) }
            run = (position, position &+ 4096, target)
          }
        }
        visit(
          RemovedPage(linearAddress: places.address(position), entry: last, level: .pageTable))
      }
      position &+= 4096
    }
    if let run { flush.add(run.start..<run.end, to: run.target) }
    places.addPresent(0 &- removed &- marked, to: parent)
    return UInt64(truncatingIfNeeded: removed) &<< 12
  }

  /// Removes the marks of `range`, which one table at level 1 decides.
  @inlinable
  mutating func removeMarks(_ parent: TableFrame, _ range: Range<UInt64>) -> UInt64 {
    var removed = 0
    var position = range.lowerBound
    while position < range.upperBound {
      let word = places.word(parent, Configuration.index(position, 1))
      if Mark(entry: Access.load(word)) != nil {
        Access.store(word, 0)
        removed &+= 1
      }
      position &+= 4096
    }
    places.addPresent(0 &- removed, to: parent)
    return 0
  }

  /// True for a table without present entries and marks.
  @inlinable
  func isEmpty(_ node: TableFrame) -> Bool {
    guard let word = places.stateWord(node) else { return false }
    return NodeState(rawValue: Access.load(word)).presentCount == 0
  }

  /// Takes an empty table out of its parent, both locked by this thread.
  ///
  /// The entry goes first: who descends from now on does not find the table. Then the mark, which
  /// tells who found it before; and the frame only when `finish` and `reclaim` say so.
  @inlinable
  mutating func unlink(
    _ child: TableFrame, _ parent: TableFrame, _ index: Int, _ part: Range<UInt64>
  ) {
    _ = Access.exchange(places.word(parent, index), 0)
    if Self.locksNewTables, let state = places.stateWord(child) {
      if let level = NodeState(rawValue: Access.load(state)).level {
        Configuration.willUnlock(frame: child.frame, level: level)
      }
    }
    places.markStray(child)
    unlinked.append(child)
    // A processor may keep the entry that led to the table: one address below is enough to drop it.
    flush.add(part.lowerBound..<part.lowerBound &+ 4096, isTable: true)
  }
}

extension SharedPageTable {
  /// Removes what is mapped or marked in a range; leaves and marks that reach out of it are split first.
  ///
  /// - Returns: the number of bytes that were mapped, and what must be waited for before the pages are
  ///   used for something else.
  /// - Throws: as ``LockedRange/unmap(_:byteCount:visit:)``, and `busy` when the range is not free in
  ///   time.
  @discardableResult @inlinable
  public func unmap(
    _ linearAddress: LinearAddress, byteCount: UInt64, patience: Patience = .standard,
    visit: (RemovedPage) -> Void = { _ in }
  ) throws(LiveTableError) -> (byteCount: UInt64, ticket: FlushTicket) {
    let (removed, ticket) = try withRange(
      linearAddress, byteCount: byteCount, patience: patience
    ) { range throws(LiveTableError) in
      try range.unmap(linearAddress, byteCount: byteCount, visit: visit)
    }
    return (removed, ticket)
  }
}
