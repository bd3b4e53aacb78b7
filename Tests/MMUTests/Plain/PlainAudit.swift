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
  var count = 1
  var isAllOnes = false
  /// The register, what is done there, and what is wrong.
  var register: String?
  var isContiguous = true
  /// The right that an entry above takes away: joined only with others of the same.
  var right: Character?

  init(_ finding: AuditFinding) {
    rule = finding.rule
    linear = finding.linearAddress
    byteCount = finding.byteCount
    physical = finding.physicalAddress.rawValue
    entry = finding.entry
    other = finding.otherAddress
    bits = finding.bits
    count = finding.count
    isAllOnes = finding.isAllOnes
    register = finding.register.map { "\($0.register) \($0.access) \($0.cause)" }
    isContiguous = finding.isContiguous
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
  }

  /// Without what a finding does not say.
  var compared: PlainFinding {
    var finding = self
    finding.right = nil
    return finding
  }

  /// What findings have in common that are one when they are neighbours.
  var likeness: [String] {
    [
      "\(rule)", "\(entry?.level.rawValue ?? 0)", "\(bits)", "\(isAllOnes)", register ?? "",
      right.map(String.init) ?? "",
      other.map { "\($0 &- linear)" } ?? "",
    ]
  }
}

/// The findings of each rule by ascending address; neighbours of one kind are one.
struct PlainAudit {
  private var found: [PlainFinding] = []
  private(set) var tableCount = 0
  let conditions: AuditConditions

  /// All findings, rule by rule, by ascending address.
  var findings: [PlainFinding] {
    var joined: [PlainFinding] = []
    for group in Dictionary(grouping: found, by: \.likeness).values {
      var last: PlainFinding?
      for next in group.sorted(by: { $0.linear < $1.linear }) {
        guard var open = last else {
          last = next
          continue
        }
        let follows = next.physical == open.physical &+ open.byteCount
        if next.linear == open.linear &+ open.byteCount {
          open.isContiguous = open.isContiguous && follows && next.isContiguous
          open.byteCount += next.byteCount
          if open.other == nil { open.count += next.count }
          last = open
        } else {
          joined.append(open.compared)
          last = next
        }
      }
      if let last { joined.append(last.compared) }
    }
    let order = AuditRule.allCases
    return joined.sorted {
      (order.firstIndex(of: $0.rule) ?? 0, $0.linear, $0.byteCount, $0.physical, $0.other ?? 0)
        < (order.firstIndex(of: $1.rule) ?? 0, $1.linear, $1.byteCount, $1.physical, $1.other ?? 0)
    }
  }

  init(_ tables: PlainTables, _ conditions: AuditConditions) {
    self.conditions = conditions
    var levels: [UInt64: Set<Int>] = [:]
    var ways: [(table: UInt64, level: Int, linear: UInt64, path: [PlainStep])] = []
    var entries: [PlainEntry] = []
    tables.walk { table, level, linear, path in
      levels[table, default: []].insert(level)
      ways.append((table, level, linear, path))
      return true
    } visit: {
      entries.append($0)
    }
    tableCount = levels.count
    for way in ways where !way.path.isEmpty {
      let span = tables.span(way.level + 1)
      let place = way.path.last?.reference
      if levels[way.table, default: []].count > 1 {
        found.append(PlainFinding(.tableSharedBetweenLevels, way.linear, span, way.table, place))
      }
      let above = [0] + way.path.dropLast().map { $0.word & tables.addressMask }
      if above.contains(way.table) {
        found.append(PlainFinding(.loop, way.linear, span, way.table, place))
      }
    }
    let isWhole =
      conditions.memory.reduce(0) { $0 + $1.count } >= tableCount * 4 * 4096
      && !conditions.memory.isEmpty
    let end = conditions.memory.last?.upperBound ?? 0
    var pages: [PlainPage] = []
    for entry in entries {
      if case .page(let size) = entry.kind { pages.append(tables.page(entry, size)) }
      addEntry(entry, tables, limit: isWhole ? end : 1 << 45)
    }
    for page in pages { addPage(page, limit: isWhole ? end : 1 << 46) }
    var pointers: [UInt64: Set<[UInt64]>] = [0: [[]]]
    for entry in entries where entry.kind == .table {
      pointers[entry.step.word & tables.addressMask, default: []].insert(
        [entry.step.address, UInt64(entry.step.level)])
    }
    addPairs(pages, Array(levels.keys), shared: pointers.filter { $0.value.count > 1 }.map(\.key))
    addRegisters(tables, pages)
  }

  private mutating func addEntry(_ entry: PlainEntry, _ tables: PlainTables, limit: UInt64) {
    let target = entry.step.word & tables.addressMask
    var finding = PlainFinding(
      .reservedBits, entry.linear, tables.span(entry.step.level), target, entry.step.reference)
    finding.isAllOnes = entry.step.word == .max
    switch entry.kind {
    case .notPresent:
      guard target != 0 && target < min(limit, 1 << 45) else { return }
      finding.rule = .notPresentWithAddress
    case .reserved(let bits): finding.bits = bits
    case .outside: finding.rule = .tableOutsideMemory
    case .table, .page:
      guard entry.step.word & 0x20 != 0, let parent = entry.path.last, parent.word & 0x20 == 0
      else { return }
      finding.rule = .accessedBelowNotAccessed
      finding.isAllOnes = false
    }
    found.append(finding)
  }

  /// The letters of what is allowed at CPL 0 and CPL 3, without keys.
  private func rights(_ page: PlainPage) -> (supervisor: Set<Character>, user: Set<Character>) {
    let mode = conditions.mode
    var supervisor: Set<Character> = []
    var user: Set<Character> = []
    if page.isUser {
      user.insert("r")
      if page.isWritable { user.insert("w") }
      if page.isExecutable { user.insert("x") }
    }
    let isKept = page.isUser && mode.isSMAPEnabled
    if !isKept {
      supervisor.insert("r")
      if page.isWritable || !mode.isWriteProtectEnabled { supervisor.insert("w") }
    }
    if page.isExecutable && !(page.isUser && mode.isSMEPEnabled) { supervisor.insert("x") }
    return (supervisor, user)
  }

  /// The rules about one page alone.
  private mutating func addPage(_ page: PlainPage, limit: UInt64) {
    let (supervisor, user) = rights(page)
    func add(_ rule: AuditRule, _ step: PlainStep) {
      var finding = PlainFinding(rule, page.linear, page.size, page.physical, step.reference)
      if rule == .parentRestrictsLeaf { finding.right = page.restrictedRight }
      finding.isAllOnes = page.leaf.word == .max
      found.append(finding)
    }
    if supervisor.isSuperset(of: "wx") || user.isSuperset(of: "wx") {
      add(.writableAndExecutable, page.leaf)
    }
    if user.contains("w") && page.linear >= 1 << 63 { add(.userWritableSupervisorData, page.leaf) }
    if !page.isWritable && supervisor.contains("w") { add(.writeProtectOff, page.leaf) }
    if let step = page.restriction { add(.parentRestrictsLeaf, step) }
    if page.isDirty && !page.isAccessed { add(.dirtyWithoutAccessed, page.leaf) }
    let canBeShadowStack =
      conditions.isCETEnabled && page.leaf.word & 2 == 0 && page.writeRestriction == nil
    if page.isDirty && canBeShadowStack {
      add(.possibleShadowStack, page.leaf)
    } else if page.isDirty && !supervisor.contains("w") && !user.contains("w") {
      add(.dirtyReadOnly, page.leaf)
    }
    let type = memoryType(page)
    let isCached = type == 4 || type == 5 || type == 6 || type == 2 || type == 3
    let isDevice = page.physical >= 0xfec0_0000 && page.physical + page.size <= 1 << 32
    if page.physical >= (isCached ? limit : 1 << 46) && !isDevice {
      add(.leafBeyondMemory, page.leaf)
    }
  }

  private func memoryType(_ page: PlainPage) -> UInt64 {
    let word = page.leaf.word
    let index = word >> 3 & 3 | (word >> (page.size > 4096 ? 12 : 7) & 1) << 2
    return conditions.pat >> (index * 8) & 7
  }

  /// The rules about memory that is reached in several ways.
  private mutating func addPairs(
    _ pages: [PlainPage], _ tables: [UInt64], shared: [UInt64]
  ) {
    func isWritable(_ page: PlainPage) -> Bool {
      rights(page).supervisor.contains("w") || rights(page).user.contains("w")
    }
    for page in pages {
      for table in tables where table >= page.physical && table < page.physical + page.size {
        let linear = page.linear &+ (table - page.physical)
        if isWritable(page) {
          found.append(PlainFinding(.tableMappedWritable, linear, 4096, table, nil))
        }
        if page.isUser { found.append(PlainFinding(.tableMappedUser, linear, 4096, table, nil)) }
      }
    }
    // Of ways through one shared table with the same rights the lowest address stands for all.
    var lowest: [[UInt64]: PlainPage] = [:]
    for page in pages {
      var key = [page.leaf.address, UInt64(page.leaf.level)]
      let link = page.path.lastIndex { shared.contains($0.word & 0x000f_ffff_ffff_f000) }
      if let link {
        let above = page.path[...link]
        key += [
          page.path[link].word & 0x000f_ffff_ffff_f020, UInt64(page.path[link].level),
          page.linear >> 63, above.allSatisfy { $0.word & 2 != 0 } ? 1 : 0,
          above.allSatisfy { $0.word & 4 != 0 } ? 1 : 0,
          above.allSatisfy { $0.word >> 63 == 0 } ? 1 : 0,
        ]
      }
      if page.linear < lowest[key]?.linear ?? .max { lowest[key] = page }
    }
    for page in pages {
      let isText =
        rights(page).supervisor.contains("x") && !page.isUser && !isWritable(page)
      for other in lowest.values {
        let start = max(page.physical, other.physical)
        let end = min(page.physical + page.size, other.physical + other.size)
        guard start < end else { continue }
        func add(_ rule: AuditRule) {
          found.append(
            PlainFinding(
              rule, page.linear &+ (start - page.physical), end - start, start, nil,
              other: other.linear &+ (start - other.physical)))
        }
        if isText && isWritable(other) { add(.supervisorTextWritableAlias) }
        if page.size > 4096 && memoryType(page) != memoryType(other) { add(.largePageMemoryTypes) }
      }
    }
  }

  private mutating func addRegisters(_ tables: PlainTables, _ pages: [PlainPage]) {
    func page(_ address: UInt64) -> PlainPage? {
      pages.first { $0.linear <= address && address - $0.linear < $0.size }
    }
    if let stack = conditions.userStack, let page = page(stack), page.isUser && page.isExecutable {
      found.append(
        PlainFinding(
          .executableUserStack, page.linear, page.size, page.physical, page.leaf.reference))
    }
    for use in conditions.registerUses {
      // Behind the last address comes the first.
      let start = use.linearAddress & ~4095
      let count = (use.linearAddress - start + use.byteCount + 4095) / 4096
      for index in 0..<count {
        let linear = start &+ index * 4096
        addRegister(use, linear, page(linear), tables)
      }
    }
  }

  private mutating func addRegister(
    _ use: RegisterUse, _ linear: UInt64, _ page: PlainPage?, _ tables: PlainTables
  ) {
    let isUser = use.privilege == .user
    let isTable = use.register == .gdtr || use.register == .idtr || use.register == .tr
    var cause: RegisterProblem.Cause?
    if let page {
      let rights = isUser ? rights(page).user : rights(page).supervisor
      let needed: Character =
        use.access == .fetch ? "x" : use.access == .write && !isUser ? "w" : "r"
      if !rights.contains(needed) {
        cause = .notAllowed
      } else if isTable && page.isUser && page.isWritable {
        cause = .writableByUser
      }
    } else if tables.canonical(linear & 0xffff_ffff_ffff) != linear {
      cause = .notCanonical
    } else if !isUser {
      cause = .notMapped
    }
    guard let cause else { return }
    let walk = cause == .notCanonical ? nil : tables.lastStep(linear)
    var finding = PlainFinding(
      .registerMapping, linear, 4096, page.map { $0.physical + (linear - $0.linear) } ?? 0,
      walk?.reference)
    finding.register = "\(use.register) \(use.access) \(cause)"
    found.append(finding)
  }
}

extension PlainTables {
  /// The last entry that a processor reads on the way to an address.
  func lastStep(_ linear: UInt64) -> PlainStep? {
    var (table, level) = (0 as UInt64, 4)
    var last: PlainStep?
    while let word = word(table + (linear >> UInt64(3 + 9 * level) & 511) * 8) {
      let address = table + (linear >> UInt64(3 + 9 * level) & 511) * 8
      last = PlainStep(address: address, level: level, word: word)
      guard case .table = kind(word, level) else { break }
      (table, level) = (word & addressMask, level - 1)
    }
    return last
  }
}
