// Cursor and guard, contracts: what must hold between their operations.

internal import MMU

extension Cursor {
  /// What this cursor violates of CK-18 to CK-20 between two of its operations; empty when all is
  /// well.
  ///
  /// It stands inside its range on a page's first byte, on a path of locked nodes, each linked by
  /// the one above at the cursor's index, and its node's count is right once what the cursor has
  /// not counted yet is added.
  /// - Complexity: reads the entries of one node.
  @inlinable
  public func contractViolations() -> [ContractViolation] {
    var violations: [ContractViolation] = []
    if position < range.lowerBound || position > range.upperBound || position & 4095 != 0 {
      violations.append(violation(.cursor, table, levelNumber, "the cursor left its range"))
    }
    guard levelNumber >= 1, levelNumber <= coveringLevel, coveringLevel <= tables.rootLevel else {
      return violations + [violation(.cursor, table, levelNumber, "the cursor has no level")]
    }
    if !isRunRight {
      violations.append(violation(.cursor, table, levelNumber, "pages cannot be put in here"))
    }
    var node = table
    for level in levelNumber...coveringLevel {
      let state = tables.metadata.nodeState(of: node.frame)
      if !state.isNode(ofLevelNumber: level) {
        violations.append(violation(.cursor, node, level, "the path leads through no node"))
      }
      if !state.isLocked {
        violations.append(violation(.pathLocked, node, level, "a node of the path is not locked"))
      } else if state.holder != .current {
        violations.append(violation(.pathLocked, node, level, "another thread locked the path"))
      }
      if state.isStray {
        violations.append(violation(.stray, node, level, "a node of the path was unlinked"))
      }
      guard level < coveringLevel else { break }
      let upper = path[Int(level)]
      let entry = tables.memory.entry(upper, Configuration.index(position, level &+ 1))
      if position < range.upperBound,
        EntryClass(entry, level: level &+ 1, in: Configuration.entryFormat) != .table
          || entry & EntryBits.address != node.address
      {
        violations.append(violation(.cursor, node, level, "the node above links another table"))
      }
      node = upper
    }
    let counted = tables.metadata.nodeState(of: table.frame).presentCount
    let present = tables.ownedIndices(levelNumber).count { tables.memory.entry(table, $0) != 0 }
    if counted &+ uncountedPresent != present {
      violations.append(
        violation(.presentCount, table, levelNumber, "\(present) entries are present"))
    }
    return violations
  }

  /// The run is none, or stands at the position's entry in a level-1 node and ends in the range.
  @inlinable var isRunRight: Bool {
    let next = unsafe run.next
    let end = unsafe run.end
    if unsafe next == tables.metadata.neverAbsent { return unsafe end == next }
    let isAtPosition = unsafe next == tables.memory.pointer(table, index)
    let byteCount = UInt64(truncatingIfNeeded: unsafe end - next) &<< 9
    return levelNumber == 1 && isAtPosition && byteCount > 0 && byteCount <= remainingByteCount
      && byteCount <= slot(at: 2).upperBound &- position
  }

  @inlinable
  func violation(
    _ rule: ContractRule, _ node: TableFrame, _ level: UInt64, _ detail: String
  ) -> ContractViolation {
    ContractViolation(
      rule: rule, path: [], linearAddress: tables.address(position),
      level: levelNumbered(level), word: tables.metadata.nodeState(of: node.frame).rawValue,
      frame: node.frame, detail: detail)
  }

  /// Present entries of the current node that its metadata does not count yet.
  @inlinable var uncountedPresent: Int {
    pendingPresent &+ run.filledCount
  }
}

extension ContractContext {
  /// Adds what an open cursor has locked, and not counted yet.
  @inlinable
  public mutating func add<Configuration: PageTableConfiguration>(
    _ cursor: borrowing Cursor<Configuration>
  ) {
    lockedFrames.insert(cursor.table.frame)
    uncounted[cursor.table.frame, default: 0] += cursor.uncountedPresent
    var level = cursor.levelNumber
    while level < cursor.coveringLevel {
      lockedFrames.insert(cursor.path[Int(level)].frame)
      level &+= 1
    }
  }
}

extension NodeGuard {
  /// What this guard violates of CK-21: its node has the guard's level and a lock that a thread
  /// holds, and its words are in memory; empty when all is well.
  @inlinable
  public func contractViolations() -> [ContractViolation] {
    let state = tables.metadata.nodeState(of: table.frame)
    let isInside = tables.memory.table(linkedBy: table.address) == table
    let problem =
      if state.isNode(of: level), state.isLocked, isInside {
        state.lockProblem(Configuration.nodeLock)
      } else {
        "the guard's node is not a locked node of its level"
      }
    guard let problem else { return [] }
    return [
      ContractViolation(
        rule: .guardRelation, path: [], linearAddress: 0, level: level, word: state.rawValue,
        frame: table.frame, detail: problem)
    ]
  }
}
