// Auditor: applies the rules to every table, level and set of rights once.

extension PageTables {
  /// Applies every rule of ``AuditRule``.
  ///
  /// `pat` is IA32_PAT, `userStack` an address in the user's stack where one is known.
  ///
  /// Complexity: proportional to the number of tables, times the sets of rights they inherit,
  /// and O(n log n) in the number of runs.
  public func audit<Memory: PhysicalMemory & ~Copyable>(
    in memory: borrowing Memory, pat: UInt64, userStack: UInt64? = nil
  ) -> AuditReport {
    var auditor = Auditor(userStack: userStack)
    traverse(in: memory, &auditor)
    return auditor.report(pat: pat)
  }
}

/// Looks at tables and entries as they come, and keeps what only the whole can tell.
struct Auditor: TableVisitor {
  private let userStack: UInt64?
  private var seen: Set<TableKey> = []
  /// The tables from the root down to the current one, and whether A is set in each one's parent.
  private var path: [(address: UInt64, isParentAccessed: Bool)] = []
  private var isEntryAccessed = true
  /// The levels that each table is used at, with one of its linear addresses.
  private var tables: [UInt64: (levels: LevelSet, linearAddress: UInt64)] = [:]
  private var runs: [MappedRun] = []
  private var unseenRunCount = 0
  private var findings: [AuditRule: [AuditFinding]] = [:]
  private var droppedCounts: [AuditRule: Int] = [:]

  init(userStack: UInt64?) { self.userStack = userStack }

  mutating func visit(_ table: TableVisit) -> TraversalDecision {
    let address = table.address.rawValue
    let span = (table.level.upper ?? table.level).span
    let known = tables[address]
    tables[address] = (
      LevelSet(rawValue: (known?.levels.rawValue ?? 0) | LevelSet(table.level).rawValue),
      known?.linearAddress ?? table.linearAddress
    )
    if path.contains(where: { $0.address == address }) {
      add(.loop, table.linearAddress, span, table.address, table.parent)
    }
    guard seen.insert(table.key).inserted else { return .skip }
    path.append((address, isEntryAccessed))
    return .enter
  }

  mutating func leave(_ table: TableVisit) { path.removeLast() }

  mutating func visit(_ visit: EntryVisit, in table: TableVisit) -> TraversalDecision {
    let entry = visit.entry
    let place = EntryReference(
      GuestPhysicalAddress(truncating: table.address.rawValue &+ UInt64(visit.index) &* 8),
      level: table.level)
    let span = table.level.span
    func target(_ entry: PageTableEntry) -> GuestPhysicalAddress { entry.tableAddress }
    switch visit.kind {
    case .notPresent:
      let kept = entry.rawValue & PageTableEntry.Bit.address
      if kept != 0 {
        add(.notPresentWithAddress, visit.linearAddress, span, target(entry), place)
      }
    case .reservedBits(let bits):
      add(.reservedBits, visit.linearAddress, span, target(entry), place, bits: bits)
    case .tableOutsideMemory:
      add(.tableOutsideMemory, visit.linearAddress, span, target(entry), place)
    case .table:
      checkAccessed(entry, visit, place)
      isEntryAccessed = entry.isAccessed
    case .page(let size):
      checkAccessed(entry, visit, place)
      check(MappedRun(visit, size, inherited: table.inherited), place)
    }
    return .enter
  }

  private mutating func checkAccessed(
    _ entry: PageTableEntry, _ visit: EntryVisit, _ place: EntryReference
  ) {
    if entry.isAccessed, let last = path.last, !last.isParentAccessed {
      add(
        .accessedBelowNotAccessed, visit.linearAddress, entry.level.span, entry.tableAddress, place)
    }
  }

  /// The rules about one page.
  private mutating func check(_ page: MappedRun, _ place: EntryReference) {
    if page.isWritable && page.isExecutable { add(.writableAndExecutable, page, place) }
    if page.isUser && page.isWritable && page.linearAddress >> 63 != 0 {
      add(.userWritableSupervisorData, page, place)
    }
    if page.isRestrictedByParent {
      let entry =
        (page.leaf.isWritable ? page.inherited.writeRestriction : nil)
        ?? (page.leaf.isUserAccessible ? page.inherited.userRestriction : nil)
        ?? page.inherited.fetchRestriction
      add(.parentRestrictsLeaf, page, entry)
    }
    if page.dirtyCount > 0 && page.accessedCount == 0 { add(.dirtyWithoutAccessed, page, place) }
    if page.dirtyCount > 0 && !page.isWritable { add(.dirtyReadOnly, page, place) }
    if let userStack, page.isUser && page.isExecutable, page.linearAddress <= userStack,
      userStack <= page.lastAddress
    {
      add(.executableUserStack, page, place)
    }
    let last = runs.count - 1
    if last >= 0 && runs[last].append(page) { return }
    // Garbage makes a run of every entry, for each set of rights that its table inherits.
    if runs.count < AuditReport.runLimit { runs.append(page) } else { unseenRunCount += 1 }
  }

  private mutating func add(_ rule: AuditRule, _ page: MappedRun, _ entry: EntryReference?) {
    add(rule, page.linearAddress, page.byteCount, page.physicalAddress, entry)
  }

  private mutating func add(
    _ rule: AuditRule, _ linearAddress: UInt64, _ byteCount: UInt64,
    _ physicalAddress: GuestPhysicalAddress, _ entry: EntryReference?, other: UInt64? = nil,
    bits: UInt64 = 0
  ) {
    let finding = AuditFinding(
      rule: rule, linearAddress: linearAddress, byteCount: byteCount,
      physicalAddress: physicalAddress, entry: entry, otherAddress: other, bits: bits, count: 1)
    let last = (findings[rule]?.count ?? 0) - 1
    if last >= 0 && findings[rule]?[last].append(finding) == true { return }
    if last + 1 >= AuditReport.limit {
      droppedCounts[rule, default: 0] += 1
    } else {
      findings[rule, default: []].append(finding)
    }
  }

  /// Applies the rules about memory that is reached in several ways, and sums up.
  mutating func report(pat: UInt64) -> AuditReport {
    let writable = PhysicalExtents(runs, where: \.isWritable)
    checkTables(writable)
    checkText(writable)
    checkMemoryTypes(pat)
    var report = AuditReport()
    report.tableCount = tables.count
    report.unseenRunCount = unseenRunCount
    report.droppedCounts = droppedCounts
    for rule in AuditRule.allCases {
      report.findings += (findings[rule] ?? []).sorted { $0.linearAddress < $1.linearAddress }
    }
    return report
  }

  private mutating func checkTables(_ writable: PhysicalExtents) {
    let user = PhysicalExtents(runs, where: \.isUser)
    for (address, table) in tables.sorted(by: { $0.key < $1.key }) {
      let frame = GuestPhysicalAddress(truncating: address)
      if table.levels.rawValue.nonzeroBitCount > 1 {
        add(.tableSharedBetweenLevels, table.linearAddress, 4096, frame, nil)
      }
      if let run = writable.extent(overlapping: address, byteCount: 4096) {
        add(.tableMappedWritable, run.linearAddress(of: address), 4096, frame, nil)
      }
      if let run = user.extent(overlapping: address, byteCount: 4096) {
        add(.tableMappedUser, run.linearAddress(of: address), 4096, frame, nil)
      }
    }
  }

  private mutating func checkText(_ writable: PhysicalExtents) {
    for run in runs where run.isExecutable && !run.isUser && !run.isWritable {
      let start = run.physicalAddress
      if let alias = writable.extent(overlapping: start.rawValue, byteCount: run.byteCount) {
        add(
          .supervisorTextWritableAlias, run.linearAddress, run.byteCount, start, nil,
          other: alias.linearAddress(of: start.rawValue))
      }
    }
  }

  private mutating func checkMemoryTypes(_ pat: UInt64) {
    func type(_ run: MappedRun) -> UInt8 {
      UInt8(truncatingIfNeeded: pat >> (UInt64(run.leaf.patIndex) * 8) & 7)
    }
    guard runs.contains(where: { $0.pageSize > .size4KiB }) else { return }
    let types = Set(runs.map(type)).sorted()
    guard types.count > 1 else { return }
    let byType = types.map { wanted in
      (type: wanted, extents: PhysicalExtents(runs) { type($0) == wanted })
    }
    for run in runs where run.pageSize > .size4KiB {
      for (other, extents) in byType where other != type(run) {
        guard
          let alias = extents.extent(
            overlapping: run.physicalAddress.rawValue, byteCount: run.byteCount)
        else { continue }
        add(
          .largePageMemoryTypes, run.linearAddress, run.byteCount, run.physicalAddress, nil,
          other: alias.linearAddress(of: run.physicalAddress.rawValue))
      }
    }
  }
}
