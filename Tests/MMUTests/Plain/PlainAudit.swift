// PlainAudit: what an audit has to find, by plain loops over everything.

import MMU

/// A finding, for comparison.
struct PlainFinding: Hashable {
  var rule: AuditRule
  var linear: UInt64
  var byteCount: UInt64
  var physical: UInt64
  var entry: EntryReference?
  var other: UInt64?
  var bits: UInt64
  var count: Int

  init(_ finding: AuditFinding) {
    rule = finding.rule
    linear = finding.linearAddress
    byteCount = finding.byteCount
    physical = finding.physicalAddress.rawValue
    entry = finding.entry
    other = finding.otherAddress
    bits = finding.bits
    count = finding.count
  }

  init(
    _ rule: AuditRule, _ linear: UInt64, _ byteCount: UInt64, _ physical: UInt64,
    _ entry: EntryReference?, other: UInt64? = nil, bits: UInt64 = 0
  ) {
    self.rule = rule
    self.linear = linear
    self.byteCount = byteCount
    self.physical = physical
    self.entry = entry
    self.other = other
    self.bits = bits
    count = 1
  }
}

/// The findings of each rule, in the order in which they come up; neighbours of one kind are one.
struct PlainAudit {
  private(set) var found: [AuditRule: [PlainFinding]] = [:]
  private(set) var tableCount = 0

  private mutating func add(_ next: PlainFinding) {
    if var last = found[next.rule]?.last, next.linear == last.linear &+ last.byteCount,
      next.bits == last.bits, next.entry?.level == last.entry?.level,
      (next.other == nil) == (last.other == nil)
    {
      last.byteCount += next.byteCount
      last.count += 1
      found[next.rule]?.removeLast()
      found[next.rule]?.append(last)
    } else {
      found[next.rule, default: []].append(next)
    }
  }

  /// All findings, rule by rule, by ascending address.
  var findings: [PlainFinding] {
    AuditRule.allCases.flatMap { rule in
      (found[rule] ?? []).sorted { ($0.linear, $0.physical) < ($1.linear, $1.physical) }
    }
  }

  init(_ tables: PlainTables, pat: UInt64, stack: UInt64?) {
    var seen: Set<[UInt64]> = []
    var levels: [UInt64: (levels: Set<Int>, linear: UInt64)] = [:]
    var pages: [PlainPage] = []
    var loops: [PlainFinding] = []
    var entries: [PlainEntry] = []
    tables.walk { table, level, linear, path in
      levels[table, default: ([], linear)].levels.insert(level)
      let above = [0] + path.map { $0.word & tables.addressMask }
      if above.dropLast().contains(table) {
        loops.append(
          PlainFinding(.loop, linear, tables.span(level + 1), table, path.last?.reference))
      }
      let rights: [UInt64] = [
        path.allSatisfy { $0.word & 2 != 0 } ? 1 : 0, path.allSatisfy { $0.word & 4 != 0 } ? 1 : 0,
        path.allSatisfy { $0.word >> 63 == 0 } ? 1 : 0,
      ]
      return seen.insert([table, UInt64(level)] + rights).inserted
    } visit: {
      entries.append($0)
    }
    tableCount = levels.count
    for loop in loops { add(loop) }
    for entry in entries {
      let span = tables.span(entry.step.level)
      let target = entry.step.word & tables.addressMask
      let place = entry.step.reference
      func plain(_ rule: AuditRule, bits: UInt64 = 0) -> PlainFinding {
        PlainFinding(rule, entry.linear, span, target, place, bits: bits)
      }
      switch entry.kind {
      case .notPresent: if target != 0 { add(plain(.notPresentWithAddress)) }
      case .reserved(let bits): add(plain(.reservedBits, bits: bits))
      case .outside: add(plain(.tableOutsideMemory))
      case .table, .page:
        if entry.step.word & 0x20 != 0, let parent = entry.path.last, parent.word & 0x20 == 0 {
          add(plain(.accessedBelowNotAccessed))
        }
      }
      guard case .page(let size) = entry.kind else { continue }
      let page = tables.page(entry, size)
      pages.append(page)
      for finding in Self.findings(of: page, stack: stack) { add(finding) }
    }
    sumUp(PlainRun.runs(pages), levels, pat)
  }

  /// The rules about one page alone.
  private static func findings(of page: PlainPage, stack: UInt64?) -> [PlainFinding] {
    func plain(_ rule: AuditRule, _ step: PlainStep) -> PlainFinding {
      PlainFinding(rule, page.linear, page.size, page.physical, step.reference)
    }
    var findings: [PlainFinding] = []
    if page.isWritable && page.isExecutable {
      findings.append(plain(.writableAndExecutable, page.leaf))
    }
    if page.isUser && page.isWritable && page.linear >= 1 << 63 {
      findings.append(plain(.userWritableSupervisorData, page.leaf))
    }
    if let step = page.restriction { findings.append(plain(.parentRestrictsLeaf, step)) }
    if page.isDirty && !page.isAccessed { findings.append(plain(.dirtyWithoutAccessed, page.leaf)) }
    if page.isDirty && !page.isWritable { findings.append(plain(.dirtyReadOnly, page.leaf)) }
    if let stack, page.isUser, page.isExecutable, stack >= page.linear,
      stack - page.linear < page.size
    {
      findings.append(plain(.executableUserStack, page.leaf))
    }
    return findings
  }

  /// Of the runs that have some of the bytes, or begin before their end, the one that ends last.
  private static func alias(_ runs: [PlainRun], _ start: UInt64, _ byteCount: UInt64) -> UInt64? {
    var best: PlainRun?
    for run in runs.sorted(by: {
      ($0.first.physical, $0.first.linear) < ($1.first.physical, $1.first.linear)
    }) where run.first.physical < start + byteCount {
      if run.end > best?.end ?? 0 { best = run }
    }
    guard let best, best.end > start else { return nil }
    return best.first.linear &+ (start > best.first.physical ? start - best.first.physical : 0)
  }

  /// The rules about memory that is reached in several ways.
  private mutating func sumUp(
    _ runs: [PlainRun], _ levels: [UInt64: (levels: Set<Int>, linear: UInt64)], _ pat: UInt64
  ) {
    let writable = runs.filter { $0.first.isWritable }
    let user = runs.filter { $0.first.isUser }
    for (table, use) in levels.sorted(by: { $0.key < $1.key }) {
      if use.levels.count > 1 {
        add(PlainFinding(.tableSharedBetweenLevels, use.linear, 4096, table, nil))
      }
      if let linear = Self.alias(writable, table, 4096) {
        add(PlainFinding(.tableMappedWritable, linear, 4096, table, nil))
      }
      if let linear = Self.alias(user, table, 4096) {
        add(PlainFinding(.tableMappedUser, linear, 4096, table, nil))
      }
    }
    for run in runs where run.first.isExecutable && !run.first.isUser && !run.first.isWritable {
      guard let other = Self.alias(writable, run.first.physical, run.byteCount) else { continue }
      add(
        PlainFinding(
          .supervisorTextWritableAlias, run.first.linear, run.byteCount, run.first.physical, nil,
          other: other))
    }
    func type(_ run: PlainRun) -> UInt64 {
      let word = run.first.leaf.word
      let index = word >> 3 & 3 | (word >> (run.first.size > 4096 ? 12 : 7) & 1) << 2
      return pat >> (index * 8) & 7
    }
    for run in runs where run.first.size > 4096 {
      for other in Set(runs.map(type)).sorted() where other != type(run) {
        let others = runs.filter { type($0) == other }
        guard let linear = Self.alias(others, run.first.physical, run.byteCount) else { continue }
        add(
          PlainFinding(
            .largePageMemoryTypes, run.first.linear, run.byteCount, run.first.physical, nil,
            other: linear))
      }
    }
  }
}
