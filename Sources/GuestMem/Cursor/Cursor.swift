// Cursor: a position in a locked range of a page table, with the path of nodes that leads to it.

public import MMU

/// A position that walks over a range and maps, removes and changes what is there.
///
/// It holds the locks of the nodes on its path: from the covering node, the lowest that existed
/// with the whole range below it, down to the node it stands in. Opening one allocates nothing.
/// A cursor exists only inside ``ConfiguredPageTable/withCursor(_:byteCount:minimumLevel:allocator:_:)``,
/// which has the table to itself, so that there is one cursor of a table at a time. A second value
/// for the same tables may have cursors too, on other threads or inside: where two need the same
/// node, the later one throws ``PageTableError/busy(linearAddress:level:holder:)`` instead of waiting for
/// its own thread.
@frozen public struct Cursor<Configuration: PageTableConfiguration>: ~Copyable {
  @usableFromInline let tables: TableMemory<Configuration>
  @usableFromInline let root: TableFrame
  /// The positions of the range.
  @usableFromInline let range: Range<UInt64>
  /// The node it stands in.
  @usableFromInline var table: TableFrame
  /// The level of that node.
  @usableFromInline var levelNumber: UInt64
  /// The level of the covering node.
  @usableFromInline let coveringLevel: UInt64
  /// The nodes of the path by level - 1, down to the level above the current one.
  @usableFromInline var path: InlineArray<5, TableFrame>
  /// Present entries of the current node that its metadata does not count yet, besides the run.
  @usableFromInline var pendingPresent = 0
  /// Where the run began; pages were put in from here up to the position and are not counted yet.
  @usableFromInline var runStart: UInt64
  /// The entries from `runStart` on where pages can be put in without moving to another node.
  @usableFromInline var run: EntryRun
  /// Whether the cursor took something away, so that nodes on its way may be empty because of it.
  @usableFromInline var cleanup = CursorCleanup.nothing

  /// Locks the covering node.
  @inlinable
  init(
    tables: TableMemory<Configuration>, root: TableFrame, range: Range<UInt64>,
    minimumLevel: UInt64
  ) throws(PageTableError) {
    var table = root
    var level = tables.rootLevel
    while level > minimumLevel && level > 1,
      Configuration.index(range.lowerBound, level)
        == Configuration.index(range.upperBound &- 1, level)
    {
      let entry = tables.memory.entry(table, Configuration.index(range.lowerBound, level))
      guard case .table = EntryClass(entry, level: level, in: Configuration.entryFormat) else {
        break
      }
      table = try tables.child(of: entry, level: level, position: range.lowerBound)
      level &-= 1
    }
    try tables.lock(table, level: level, position: range.lowerBound)
    self.tables = tables
    self.root = root
    self.range = range
    self.runStart = range.lowerBound
    self.table = table
    self.levelNumber = level
    self.coveringLevel = level
    self.path = InlineArray(repeating: root)
    self.run = EntryRun(noneIn: tables.metadata)
    takeUpRun()
  }

  /// Where the cursor stands; the end of the range when it has nothing more to do.
  @inlinable var position: UInt64 {
    runStart &+ UInt64(truncatingIfNeeded: run.filledCount) &<< 12
  }

  /// Begins a run at the position, which is where the last one began.
  @inlinable
  mutating func takeUpRun() {
    guard levelNumber == 1, runStart < range.upperBound else {
      run = EntryRun(noneIn: tables.metadata)
      return
    }
    let end = min(
      range.upperBound, RangeParts.end(ofEntryAt: runStart, span: Configuration.span(2)))
    run = EntryRun(
      table, Configuration.index(runStart, 1),
      count: Int(truncatingIfNeeded: (end &- runStart) &>> 12), in: tables)
  }

  /// Where the cursor stands, or nil at the end of its range.
  @inlinable public var linearAddress: LinearAddress? {
    guard position < range.upperBound else { return nil }
    return LinearAddress(truncating: tables.address(position), width: .bits57)
  }

  /// The number of bytes from the cursor to the end of its range.
  @inlinable public var remainingByteCount: UInt64 { range.upperBound &- position }

  /// The level of the node that the cursor stands in; it changes as the cursor moves.
  @inlinable public var level: Level { levelNumbered(levelNumber) }

  /// The level of the covering node.
  @inlinable public var guardLevel: Level { levelNumbered(coveringLevel) }

  @inlinable var index: Int { Configuration.index(position, levelNumber) }

  @inlinable var entry: UInt64 { tables.memory.entry(table, index) }

  /// The positions that the current entry decides.
  @inlinable var slot: Range<UInt64> { slot(at: levelNumber) }

  /// The positions that the entry at `level` on the way to the position decides.
  @inlinable
  func slot(at level: UInt64) -> Range<UInt64> {
    let span = Configuration.span(level)
    let start = position & ~(span &- 1)
    return start..<start &+ span
  }

  /// Moves into the table that the current entry links.
  @inlinable
  mutating func push(_ entry: UInt64) throws(PageTableError) {
    let child = try tables.child(of: entry, level: levelNumber, position: position)
    try tables.lock(child, level: levelNumber &- 1, position: position)
    enter(child)
  }

  /// The same for a walk over a range, which comes to no more tables than there can be.
  ///
  /// - Throws: ``PageTableError/invalidEntry(linearAddress:level:entry:)`` when it did.
  @inlinable
  mutating func push(_ entry: UInt64, tablesLeft: inout UInt64) throws(PageTableError) {
    guard tablesLeft > 0 else { throw tables.invalid(entry, position, levelNumber) }
    tablesLeft &-= 1
    try push(entry)
  }

  /// Throws unless the table that the current entry links can go with everything below it.
  @inlinable
  func surveyTable(
    _ child: TableFrame, _ allocator: borrowing FrameAllocator
  ) throws(PageTableError) {
    var tablesLeft = tables.largestTableCount(allocator)
    try tables.survey(
      for: .removal, child, level: levelNumber &- 1, slot, tablesLeft: &tablesLeft)
  }

  /// Moves into a table that is locked already.
  @inlinable
  mutating func enter(_ child: TableFrame) {
    countPending()
    path[Int(levelNumber) &- 1] = table
    table = child
    levelNumber &-= 1
    takeUpRun()
  }

  /// Moves up to the node above.
  @inlinable
  mutating func pop() {
    guard levelNumber < coveringLevel else { return }
    countPending()
    let child = table
    tables.unlock(child)
    levelNumber &+= 1
    table = path[Int(levelNumber) &- 1]
    takeUpRun()
  }

  /// Writes the count of present entries down, and ends the run.
  @inlinable
  mutating func countPending() {
    let present = uncountedPresent
    runStart = position
    run = EntryRun(noneIn: tables.metadata)
    if present != 0 {
      // The word of a frame that was given back under the cursor is the allocator's.
      if isNode(table, levelNumber) { tables.addPresent(present, to: table) }
      pendingPresent = 0
    }
  }

  /// True for a frame that is a node of that level still.
  @inlinable
  func isNode(_ table: TableFrame, _ level: UInt64) -> Bool {
    tables.metadata.nodeState(of: table.frame).isNode(ofLevelNumber: level)
  }

  /// Moves to a position that the current node decides, or to the end of the range.
  @inlinable
  mutating func stand(at next: UInt64) {
    pendingPresent &+= run.filledCount
    runStart = next
    takeUpRun()
  }

  /// Moves to `next`, in the range or at its end, and up to a node that covers it.
  @inlinable
  mutating func move(to next: UInt64, allocator: inout FrameAllocator) {
    while levelNumber < coveringLevel {
      let span = Configuration.span(levelNumber &+ 1)
      let isInside = next < range.upperBound && (next ^ position) & ~(span &- 1) == 0
      if isInside { break }
      leave(allocator: &allocator)
    }
    stand(at: next)
  }

  /// Moves up, and unlinks the node that was left if it is empty and this cursor has removed
  /// something, or leaves it there when the allocator is another one.
  @inlinable
  mutating func leave(allocator: inout FrameAllocator) {
    let child = table
    pop()
    guard cleanup == .emptyNodes, tables.metadata.nodeState(of: child.frame).presentCount == 0,
      isNode(child, levelNumber &- 1), entry & EntryBits.address == child.address
    else { return }
    if levelNumber == tables.rootLevel && Configuration.topLevelRemoval == .forbidden { return }
    tables.take(table, index)
    tables.giveBack(child, to: &allocator)
    pendingPresent &-= 1
  }

  /// Moves up to the covering node, where operations on ranges start.
  @inlinable
  mutating func leaveAll(allocator: inout FrameAllocator) {
    while levelNumber < coveringLevel { leave(allocator: &allocator) }
    countPending()
  }

  /// Releases every lock.
  @inlinable
  mutating func close(allocator: inout FrameAllocator) {
    leaveAll(allocator: &allocator)
    tables.unlock(table)
  }
}

/// Its locks are those of the thread that opened it.
@available(*, unavailable)
extension Cursor: @unchecked Sendable {}

/// What a cursor leaves behind it.
@frozen @usableFromInline enum CursorCleanup: Hashable, Sendable {
  /// Every node as it was found.
  case nothing
  /// No node that is empty.
  case emptyNodes
}

extension TableMemory {
  /// Takes the lock of a node that nobody else should have.
  @inlinable
  func lock(_ table: TableFrame, level: UInt64, position: UInt64) throws(PageTableError) {
    guard metadata.take(table.frame, in: metadata.nodeState(of: table.frame)) else {
      throw busy(table, level: level, position: position)
    }
    Configuration.didLock(frame: table.frame, level: levelNumbered(level))
  }

  /// Gives the frame of an unlinked node back, whichever allocator a cursor was handed.
  @inlinable
  func giveBack(_ table: TableFrame, to allocator: inout FrameAllocator) {
    if allocator.metadata.isSame(as: metadata) {
      allocator.returnNodeFrame(table.frame)
    } else {
      metadata.pushReturned(table.frame)
    }
  }

  /// Unlinks the nodes above `position` that have become empty, from the lowest one up.
  @inlinable
  func reclaim(
    _ table: TableFrame, level: UInt64, position: UInt64, allocator: inout FrameAllocator
  ) {
    guard level > 1 else { return }
    let index = Configuration.index(position, level)
    let entry = memory.entry(table, index)
    guard case .table = EntryClass(entry, level: level, in: Configuration.entryFormat),
      let child = memory.table(linkedBy: entry)
    else { return }
    reclaim(child, level: level &- 1, position: position, allocator: &allocator)
    let state = metadata.nodeState(of: child.frame)
    guard state.presentCount == 0, !state.isLocked,
      level < rootLevel || Configuration.topLevelRemoval == .allowed
    else { return }
    take(table, index)
    addPresent(-1, to: table)
    giveBack(child, to: &allocator)
  }
}
