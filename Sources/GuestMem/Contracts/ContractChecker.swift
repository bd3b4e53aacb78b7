// ContractChecker: walks real memory and collects every violation of the rules.

public import MMU

/// A check of all tables below some roots.
///
/// Nobody may change the tables meanwhile, besides a processor that sets A and D.
public struct ContractChecker<Configuration: PageTableConfiguration> {
  /// Where the tables stand.
  public let tables: TableMemory<Configuration>
  /// What memory does not say.
  public let context: ContractContext
  /// What was found so far, in the order of the walk.
  @usableFromInline var violations: [ContractViolation] = []
  /// How many entries link each node.
  @usableFromInline var linkCounts: [UInt64: UInt64] = [:]
  /// How many owning pages map each frame.
  @usableFromInline var mapCounts: [UInt64: UInt64] = [:]
  /// Contiguous mapped ranges, as positions: first and last byte.
  @usableFromInline var mapped: [ClosedRange<UInt64>] = []
  @usableFromInline var path: [Int] = []

  /// Checks the tables below `roots`, and the metadata that `allocator` keeps for them.
  ///
  /// - Complexity: reads every table once and the metadata of every frame that was ever counted.
  @inlinable
  public static func violations(
    of roots: [TableFrame], in tables: TableMemory<Configuration>,
    allocator: borrowing FrameAllocator, context: ContractContext = ContractContext()
  ) -> [ContractViolation] {
    var checker = ContractChecker(tables: tables, context: context)
    for root in roots { checker.checkRoot(root) }
    checker.checkFrames(roots: roots, countedFrames: allocator.countedFrames)
    return checker.violations
  }

  @inlinable
  init(tables: TableMemory<Configuration>, context: ContractContext) {
    self.tables = tables
    self.context = context
  }

  @inlinable
  mutating func report(
    _ rule: ContractRule, _ table: TableFrame, level: UInt64, position: UInt64, word: UInt64,
    _ detail: @autoclosure () -> String
  ) {
    violations.append(
      ContractViolation(
        rule: rule, path: path, linearAddress: tables.address(position),
        level: levelNumbered(level), word: word, frame: table.frame, detail: detail()))
  }

  /// Checks one root and everything below it.
  @inlinable
  mutating func checkRoot(_ root: TableFrame) {
    mapped.removeAll(keepingCapacity: true)
    path.removeAll(keepingCapacity: true)
    linkCounts[root.frame, default: 0] += 0
    checkTable(root, level: tables.rootLevel, position: 0, linkBits: EntryBits.userLink)
    checkView(root)
  }

  /// Checks a table and everything below it.
  @inlinable
  mutating func checkTable(
    _ table: TableFrame, level: UInt64, position: UInt64, linkBits: UInt64
  ) {
    let state = tables.metadata.nodeState(of: table.frame)
    checkState(state, table, level: level, position: position)
    guard state.isNode(of: levelNumbered(level)) else { return }
    let owned = tables.ownedIndices(level)
    let hasForeign = context.sharedRoot != nil && owned.count < Configuration.entryCount
    var presentCount = 0
    for index in 0..<512 {
      let word = tables.memory.entry(table, index)
      if word == 0 && !(hasForeign && !owned.contains(index)) { continue }
      path.append(index)
      defer { path.removeLast() }
      let start = position | UInt64(index) &<< Configuration.shift(level)
      guard owned.contains(index) else {
        checkForeign(word, table, level: level, position: start, index: index)
        continue
      }
      if isRecursive(index, level: level) {
        presentCount += Int(truncatingIfNeeded: word & EntryBits.present)
        continue
      }
      switch EntryClass(word, level: level, in: Configuration.entryFormat) {
      case .absent: break
      case .invalid:
        if context.adoptedTables == .linked, word & EntryBits.present != 0 { break }
        if Configuration.isMark(word) {
          presentCount += 1
          break
        }
        report(
          .nothingElse, table, level: level, position: start, word: word,
          "not present but not zero, or PS where it is reserved")
      case .leaf:
        presentCount += 1
        checkLeaf(word, table, level: level, position: start, linkBits: linkBits)
      case .table:
        presentCount += 1
        checkLink(word, table, level: level, position: start, linkBits: linkBits)
      }
    }
    if presentCount != state.presentCount &+ context.uncounted[table.frame, default: 0] {
      report(
        .presentCount, table, level: level, position: position, word: state.rawValue,
        "\(state.presentCount) are counted and \(presentCount) are present")
    }
    checkAnchors(table, level: level, position: position)
    checkRecursiveSlot(table, level: level)
  }

  /// Checks what the metadata says about a node that can be reached.
  @inlinable
  mutating func checkState(
    _ state: NodeState, _ table: TableFrame, level: UInt64, position: UInt64
  ) {
    if !state.isNode(of: levelNumbered(level)) {
      let found = state.level.map { $0.abbreviation } ?? "no node"
      report(
        .levelChain, table, level: level, position: position, word: state.rawValue,
        "the frame is \(found) and should be a \(levelNumbered(level).abbreviation)")
    }
    if state.isStray {
      report(
        .stray, table, level: level, position: position, word: state.rawValue,
        "the node can be reached and is marked as unlinked")
    }
    let isExpected = context.lockedFrames.contains(table.frame)
    if state.isLocked != isExpected {
      report(
        isExpected ? .pathLocked : .othersUnlocked, table, level: level, position: position,
        word: state.rawValue, isExpected ? "the node is not locked" : "the node is locked")
    }
    if let problem = state.lockProblem(Configuration.nodeLock) {
      report(
        state.isLocked ? .guardRelation : .othersUnlocked, table, level: level,
        position: position, word: state.rawValue, problem)
    }
  }

  /// Checks an entry that links a table, and what is below it.
  @inlinable
  mutating func checkLink(
    _ word: UInt64, _ table: TableFrame, level: UInt64, position: UInt64, linkBits: UInt64
  ) {
    if context.adoptedTables == .linked {
      // Somebody else's table, or one that is outside of memory.
      guard let child = tables.memory.table(linkedBy: word),
        tables.metadata.nodeState(of: child.frame).level != nil
      else { return }
    }
    // Through a recursive slot a link is the entry of a page, which a processor makes dirty.
    let known =
      EntryBits.address | EntryBits.userLink | EntryBits.accessed
      | (context.recursiveSlot == nil ? 0 : EntryBits.dirty)
    // Not asked of those who write links, whose mistakes this should find.
    let required: UInt64 =
      Configuration.entryFormat == .ostd ? EntryBits.userLink : EntryBits.supervisorLink
    if context.adoptedTables == .none,
      word & ~known != 0 || word & required != required
        || (word & EntryBits.address) &>> UInt64(tables.paging.physicalAddressWidth) != 0
    {
      report(
        .codec, table, level: level, position: position, word: word,
        "an entry that links a table has P, R/W, U/S if it must or may, perhaps A, and an address")
    }
    guard let child = tables.memory.table(linkedBy: word) else {
      report(
        .levelChain, table, level: level, position: position, word: word,
        "the linked table is outside memory")
      return
    }
    linkCounts[child.frame, default: 0] += 1
    if linkCounts[child.frame, default: 0] > 1 {
      report(
        .tree, table, level: level, position: position, word: word,
        "another entry links the same table")
      // Following it again could go round for ever.
      return
    }
    checkTable(child, level: level &- 1, position: position, linkBits: linkBits & word)
  }
}
