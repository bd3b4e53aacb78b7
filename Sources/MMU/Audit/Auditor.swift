// Auditor: applies the rules to every table, level and set of rights once.

extension PageTables {
  /// Applies every rule of ``AuditRule``, and says at which linear addresses each holds.
  ///
  /// - Complexity: proportional to the number of tables, times the sets of rights they inherit, to
  ///   the number of entries that lead to shared tables, and O(n log n) in the number of runs.
  public func audit<Memory: PhysicalMemory & ~Copyable>(
    in memory: borrowing Memory, under conditions: AuditConditions
  ) -> AuditReport {
    var auditor = Auditor(root, conditions, sharing: nil)
    traverse(in: memory, &auditor)
    if auditor.hasMetSharedTable {
      // What is below shared tables is kept apart, which takes knowing them in advance.
      var sharing = TableSharing()
      traverse(in: memory, &sharing)
      auditor = Auditor(root, conditions, sharing: sharing)
      traverse(in: memory, &auditor)
    }
    auditor.checkRegisters(of: self, in: memory)
    return auditor.report(of: self, in: memory)
  }
}

/// Looks at tables and entries as they come, and keeps what only the whole can tell.
struct Auditor: TableVisitor {
  let conditions: AuditConditions
  let rights: AuditRightsTable
  let memory: AuditedMemory
  /// The tables that are reached in several ways; nil while none has been met.
  private let sharing: TableSharing?
  /// A table was reached again, and ``sharing`` is not known.
  private(set) var hasMetSharedTable = false
  /// The frames that hold tables.
  private(set) var tables: Set<UInt64> = []
  private(set) var scopes: [AuditScope]
  /// The scopes in the order in which everything below them was seen.
  private(set) var finished: [Int] = []
  private var scopeIndices: [UInt64: Int] = [:]
  /// The tables from the root down: their scopes, and whether A is set in the entry above.
  private var path: [(scope: Int, isParentAccessed: Bool)] = []
  private var isEntryAccessed = true
  private(set) var runs: [AuditedRun] = []
  private(set) var unseenRunCount = 0

  init(_ root: TableVisit, _ conditions: AuditConditions, sharing: TableSharing?) {
    self.conditions = conditions
    self.sharing = sharing
    rights = AuditRightsTable(conditions.mode)
    memory = AuditedMemory(conditions.memory)
    scopes = [AuditScope(root)]
  }

  private var current: Int { path.last?.scope ?? 0 }

  mutating func visit(_ table: TableVisit) -> TraversalDecision {
    let isNew = tables.insert(table.address.rawValue).inserted
    guard let sharing else {
      hasMetSharedTable = !isNew
      path.append((0, isEntryAccessed))
      return isNew ? .enter : .stop
    }
    guard let parent = table.parent, sharing.isShared(table.address.rawValue) else {
      path.append((current, isEntryAccessed))
      return .enter
    }
    if sharing.isAtSeveralLevels(table.address.rawValue) {
      let span = (table.level.upper ?? table.level).span
      scopes[current].add(
        finding(.tableSharedBetweenLevels, table.linearAddress, span, table.address, parent))
      scopes[current].addLoop(finding(.loop, table.linearAddress, span, table.address, parent))
    }
    // What is found below depends on the rights, the half of the addresses and A of the entry above.
    let key =
      table.key.bits | (table.linearAddress >> 63) << 6 | (isEntryAccessed ? UInt64(1) << 7 : 0)
    let known = scopeIndices[key]
    let scope = known ?? scopes.count
    scopes[current].uses.append(AuditScope.Use(scope: scope, table: table))
    if known != nil { return .skip }
    scopeIndices[key] = scope
    scopes.append(AuditScope(table))
    path.append((scope, isEntryAccessed))
    return .enter
  }

  mutating func leave(_ table: TableVisit) {
    guard let left = path.popLast() else { return }
    if path.isEmpty || left.scope != current { finished.append(left.scope) }
  }

  mutating func visit(_ visit: EntryVisit, in table: TableVisit) -> TraversalDecision {
    let entry = visit.entry
    let place = EntryReference(
      GuestPhysicalAddress(truncating: table.address.rawValue &+ UInt64(visit.index) &* 8),
      level: table.level)
    let span = table.level.span
    func found(_ rule: AuditRule, bits: UInt64 = 0) -> AuditFinding {
      var finding = finding(rule, visit.linearAddress, span, entry.tableAddress, place, bits: bits)
      finding.isAllOnes = entry.rawValue == .max
      return finding
    }
    switch visit.kind {
    case .notPresent:
      let kept = entry.rawValue & PageTableEntry.Bit.address
      if kept == 0 || kept >= AuditedMemory.anyCache { break }
      if memory.end > 0 && kept >= memory.end {
        scopes[current].uncertain.add(found(.notPresentWithAddress))
      } else {
        scopes[current].add(found(.notPresentWithAddress))
      }
    case .reservedBits(let bits): scopes[current].add(found(.reservedBits, bits: bits))
    case .tableOutsideMemory: scopes[current].add(found(.tableOutsideMemory))
    case .table:
      checkAccessed(entry, visit, place)
      isEntryAccessed = entry.isAccessed
    case .page(let size):
      checkAccessed(entry, visit, place)
      check(MappedRun(visit, size, inherited: table.inherited), place, entry)
    }
    return .enter
  }

  private mutating func checkAccessed(
    _ entry: PageTableEntry, _ visit: EntryVisit, _ place: EntryReference
  ) {
    if entry.isAccessed, let last = path.last, !last.isParentAccessed {
      add(
        finding(
          .accessedBelowNotAccessed, visit.linearAddress, entry.level.span, entry.tableAddress,
          place))
    }
  }

  /// Keeps a page for the rules about memory, together with those before it that it continues.
  mutating func keep(_ page: MappedRun, _ place: EntryReference, isAllOnes: Bool) {
    let last = runs.count - 1
    let scope = current
    if last >= 0 && runs[last].scope == scope && runs[last].isAllOnes == isAllOnes
      && runs[last].run.append(page)
    {
      return
    }
    // Garbage makes a run of every entry, for each set of rights that its table inherits.
    if runs.count < AuditReport.runLimit {
      runs.append(AuditedRun(run: page, entry: place, scope: scope, isAllOnes: isAllOnes))
    } else {
      unseenRunCount += 1
    }
  }

  mutating func add(_ finding: AuditFinding) { scopes[current].add(finding) }

  mutating func add(_ finding: AuditFinding, to scope: Int) { scopes[scope].add(finding) }

  mutating func drop(_ count: Int, of rule: AuditRule, in scope: Int) {
    scopes[scope].lists[rule, default: FindingList()].drop(count)
  }

  /// True when another finding of `rule` in `scope` would only be counted.
  func isFull(_ rule: AuditRule, in scope: Int) -> Bool {
    scopes[scope].lists[rule]?.isFull == true
  }

  /// A finding about one entry or one range.
  func finding(
    _ rule: AuditRule, _ linearAddress: UInt64, _ byteCount: UInt64,
    _ physicalAddress: GuestPhysicalAddress, _ entry: EntryReference?, other: UInt64? = nil,
    bits: UInt64 = 0
  ) -> AuditFinding {
    AuditFinding(
      rule: rule, linearAddress: linearAddress, byteCount: byteCount,
      physicalAddress: physicalAddress, entry: entry, otherAddress: other, bits: bits, count: 1)
  }
}

/// Pages in a row that the rules about memory compare with others.
struct AuditedRun {
  var run: MappedRun
  /// The leaf of the first page.
  let entry: EntryReference
  /// The scope in which the pages are, at the lowest of their addresses.
  let scope: Int
  let isAllOnes: Bool
}
