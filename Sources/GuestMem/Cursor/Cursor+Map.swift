// Cursor, map: pages put in at the position.

public import MMU

extension Cursor {
  /// Maps one page at the position and moves behind it; `child` is ``Child/none`` then.
  ///
  /// - Throws: ``PageTableError``; `child` and the tables are as they were then, and the cursor has
  ///   not moved. Tables that this cursor has emptied may have gone.
  /// - Complexity: one step for each level.
  @inlinable
  public mutating func map(
    _ child: inout Child<Configuration>, allocator: inout FrameAllocator
  ) throws(PageTableError) {
    guard case .page(let raw) = child.reference else {
      throw .notPage(linearAddress: tables.address(position))
    }
    let level = UInt64(raw.level.rawValue)
    try checkOwners(of: child, &allocator)
    try tables.validate(raw.properties)
    try checkSlot(level, physical: raw.physicalAddress)
    try descend(to: level, allocator: &allocator)
    guard entry == 0 else { throw mapped(entry) }
    if raw.properties.isUser { raiseLinks() }
    var placed = Child<Configuration>.none
    swap(&placed, &child)
    tables.memory.setEntry(table, index, placed.intoEntry())
    pendingPresent &+= 1
    move(to: position &+ Configuration.span(level), allocator: &allocator)
  }

  /// Maps one 4 KiB page that owns nothing, with properties that were prepared.
  ///
  /// - Throws: ``PageTableError``; nothing has changed then.
  @inlinable @inline(__always)
  public mutating func map4KiB(
    to physicalAddress: GuestPhysicalAddress, _ properties: PreparedProperties<Configuration>,
    allocator: inout FrameAllocator
  ) throws(PageTableError) {
    let leaf = properties.leaf.small
    let obstacles =
      physicalAddress.rawValue & tables.forbiddenPhysicalBits | leaf & run.refusedBits
    // Most pages follow another in the same table.
    if _slowPath(!run.isAbsent(and: obstacles)) {
      try takeUpRun(for: physicalAddress, properties, allocator: &allocator)
    }
    run.fill(leaf | physicalAddress.rawValue)
    if _slowPath(run.isFull) { leaveFullRun(allocator: &allocator) }
  }

  /// Moves up to a node that covers the position, which is behind the last page of this one.
  @inlinable @inline(never)
  mutating func leaveFullRun(allocator: inout FrameAllocator) {
    countPending()
    let next = runStart
    // The position of the node that is left.
    runStart = next &- 4096
    move(to: next, allocator: &allocator)
  }

  /// Begins a run whose first entry is absent and fit for such a page, or says why there is none.
  @inlinable @inline(never)
  mutating func takeUpRun(
    for physicalAddress: GuestPhysicalAddress, _ properties: PreparedProperties<Configuration>,
    allocator: inout FrameAllocator
  ) throws(PageTableError) {
    try tables.validate(properties)
    try checkSlot(1, physical: physicalAddress)
    try descend(to: 1, allocator: &allocator)
    guard entry == 0 else { throw mapped(entry) }
    // Also where the node was not left: an operation on a range ends the run.
    countPending()
    takeUpRun()
    if properties.isUser {
      raiseLinks()
      run.refusedBits = tables.refusedLeafBits
    }
  }

  /// Throws unless the allocator, and what a child owns, belong to the metadata of these tables.
  @inlinable
  func checkOwners(
    of child: borrowing Child<Configuration>, _ allocator: inout FrameAllocator
  ) throws(PageTableError) {
    try tables.check(&allocator, has: 0)
    guard child.isCounted(in: tables.metadata) else { throw .foreignAllocator }
  }

  @inlinable
  func mapped(_ entry: UInt64) -> PageTableError {
    .alreadyMapped(linearAddress: tables.address(position), level: level, entry: entry)
  }

  /// Throws what stands against a page of `level` at the position.
  @inlinable
  func checkSlot(_ level: UInt64, physical: GuestPhysicalAddress) throws(PageTableError) {
    guard position < range.upperBound else { throw .cursorAtEnd }
    let span = Configuration.span(level)
    let address = tables.address(position)
    guard level <= tables.highestLeafLevel else {
      throw .pageSizeUnsupported(PageSize(level: levelNumbered(level)) ?? .size1GiB)
    }
    guard position & (span &- 1) == 0 else {
      throw .misalignedLinearAddress(address, alignment: span)
    }
    guard physical.rawValue & (span &- 1) == 0 else {
      throw .misalignedPhysicalAddress(physical.rawValue, alignment: span)
    }
    guard span <= remainingByteCount, level <= coveringLevel else {
      throw .outsideCursor(linearAddress: address, byteCount: span)
    }
    try tables.checkPhysical(physical, byteCount: span)
  }

  /// Moves to the node of `level` at the position, and makes the nodes that are missing.
  @inlinable
  mutating func descend(
    to level: UInt64, allocator: inout FrameAllocator
  ) throws(PageTableError) {
    while levelNumber < level { leave(allocator: &allocator) }
    while levelNumber > level, entry != 0 {
      guard case .table = EntryClass(entry, level: levelNumber, in: Configuration.entryFormat)
      else { throw mapped(entry) }
      try push(entry)
    }
    guard levelNumber == level || entry == 0 else { throw mapped(entry) }
    try tables.check(&allocator, has: levelNumber &- level)
    while levelNumber > level {
      guard
        let node = tables.newTable(
          level: levelNumber &- 1, used: 0..<0, allocator: &allocator)
      else { throw .outOfFrames(needed: levelNumber &- level, available: 0) }
      tables.lockUnlinked(node, level: levelNumber &- 1, presentCount: 0)
      tables.memory.setEntry(
        table, index, node.address | Configuration.entryFormat.link(above: 0))
      pendingPresent &+= 1
      enter(node)
    }
  }

  /// Makes every entry above the current node a user entry.
  @inlinable
  func raiseLinks() {
    var node = root
    var level = tables.rootLevel
    while level > levelNumber {
      let index = Configuration.index(position, level)
      let entry = tables.memory.entry(node, index)
      if entry & EntryBits.user == 0 { tables.memory.addBits(node, index, EntryBits.user) }
      guard let child = tables.memory.table(linkedBy: entry) else { return }
      node = child
      level &-= 1
    }
  }

  /// Puts one page in at the position, whatever is there, and moves behind it.
  ///
  /// `child` holds what was there afterwards: nothing, a page of the same size, or a whole table,
  /// marked as unlinked. A larger page that covers the position is split first.
  ///
  /// - Throws: ``PageTableError``; `child` and the tables are as they were then.
  @inlinable
  public mutating func remap(
    _ child: inout Child<Configuration>, allocator: inout FrameAllocator
  ) throws(PageTableError) {
    guard case .page(let raw) = child.reference else {
      throw .notPage(linearAddress: tables.address(position))
    }
    let level = UInt64(raw.level.rawValue)
    try checkOwners(of: child, &allocator)
    try tables.validate(raw.properties)
    try checkSlot(level, physical: raw.physicalAddress)
    try split(to: level, end: position &+ Configuration.span(level), allocator: &allocator)
    try descend(to: level, allocator: &allocator)
    if case .table(let node, _) = ChildReference(entry: entry, level: self.level, tables: tables) {
      guard tables.metadata.nodeState(of: node.frame).isFree else {
        throw tables.busy(node, level: level &- 1, position: position)
      }
      try surveyTable(node, allocator)
    }
    if raw.properties.isUser { raiseLinks() }
    var placed = Child<Configuration>.none
    swap(&placed, &child)
    let old = tables.memory.exchangeEntry(table, index, placed.intoEntry())
    if old == 0 { pendingPresent &+= 1 }
    if let removed = try? Child(fromEntry: old, level: self.level, tables: tables) {
      child = removed
    }
    if case .table(let node, _) = child.reference { tables.markStray(node) }
    move(to: position &+ Configuration.span(level), allocator: &allocator)
  }

  /// Splits leaves at the position until none is larger than `level`, after all frames for it are
  /// known to be there.
  @inlinable
  mutating func split(
    to level: UInt64, end: UInt64, allocator: inout FrameAllocator
  ) throws(PageTableError) {
    while levelNumber < level { leave(allocator: &allocator) }
    while levelNumber > level,
      case .table = EntryClass(entry, level: levelNumber, in: Configuration.entryFormat)
    {
      try push(entry)
    }
    guard levelNumber > level,
      case .leaf = EntryClass(entry, level: levelNumber, in: Configuration.entryFormat)
    else { return }
    try tables.check(&allocator, has: levelNumber &- level)
    while levelNumber > level {
      let node = try tables.splitLeaf(
        table, index, level: levelNumber, nodeLock: .held, allocator: &allocator)
      enter(node)
    }
  }
}
