// An audit against a plain one: every finding with its place, extent, entry, alias and count.

import MMU
import TestSupport
import Testing

@Suite("An audit finds what a plain loop over everything finds, to the last field")
struct AuditComparisonTests {
  @Test("Random tables, with and without a user's stack")
  func randomTables() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    var counts: [AuditRule: Int] = [:]
    var merged: Set<AuditRule> = []
    for round in 0..<500 {
      let memory = RandomTables.memory(&random)
      let plain = PlainTables(words: memory.words, width: 48)
      let tables = PageTables(
        cr3: 0, configuration: try PagingConfiguration(physicalAddressWidth: 48))
      let conditions = Self.conditions(&random, plain.pages, round)
      let report = tables.audit(in: memory, under: conditions)
      let expected = PlainAudit(plain, conditions)
      let found = report.findings.map(PlainFinding.init)
      // What several registers point at has one place.
      func place(_ finding: PlainFinding) -> [UInt64] {
        [finding.linear, finding.byteCount, finding.physical, finding.other ?? 0]
      }
      guard Set(found) == Set(expected.findings), found.count == expected.findings.count,
        found.map(\.rule) == expected.findings.map(\.rule),
        found.map(place) == expected.findings.map(place)
      else {
        let missing = Set(expected.findings).subtracting(found)
        let surplus = Set(found).subtracting(expected.findings)
        Issue.record("seed \(seed), round \(round): missing \(missing), surplus \(surplus)")
        return
      }
      #expect(report.tableCount == expected.tableCount && report.droppedCounts.isEmpty)
      #expect(report.unseenRunCount == 0)
      for finding in found {
        counts[finding.rule, default: 0] += 1
        if finding.count > 1 { merged.insert(finding.rule) }
      }
    }
    print("audits: \(counts.values.reduce(0, +)) findings agree, seed \(seed)")
    #expect(counts.count == AuditRule.allCases.count, "\(counts)")
    #expect(merged.count >= 8, "\(merged)")
  }

  /// Registers, modes and memory that rules depend on.
  static func conditions(
    _ random: inout SeededGenerator, _ pages: [PlainPage], _ round: Int
  ) -> AuditConditions {
    var conditions = AuditConditions(
      pat: round % 2 == 0 ? AuditRuleTests.pat : random.next() & 0x0707_0707_0707_0707)
    let noise = random.next()
    conditions.mode.isWriteProtectEnabled = noise & 3 != 0
    conditions.mode.isSMEPEnabled = noise & 4 != 0
    conditions.mode.isSMAPEnabled = noise & 8 != 0
    conditions.isCETEnabled = noise & 16 != 0
    let user = pages.filter { $0.isUser && $0.isExecutable }.randomElement(using: &random)
    conditions.userStack =
      round % 3 == 0
      ? nil : user.map { $0.linear &+ [0, 0x800, $0.size - 1, $0.size][round % 4] }
    switch noise >> 8 & 3 {
    case 0: break
    case 1: conditions.memory = [0..<0x4000, 0x5000..<0x8000]
    default: conditions.memory = [0..<0x10_000, 0x20_000..<0x48_000]
    }
    func address() -> UInt64 {
      guard let page = pages.randomElement(using: &random) else { return 0x1000 }
      return page.linear &+ random.next() % page.size & ~7
    }
    let privilege: PrivilegeLevel = noise & 32 != 0 ? .user : .supervisor
    conditions.registerUses = [
      .instructions(at: address(), privilege), .stack(below: address() &+ 8, privilege),
      .descriptors(.gdtr, base: address() & ~4095, limit: UInt32(noise >> 16 & 0xfff)),
      .descriptors(.idtr, base: address() & ~4095, limit: 0x1fff),
      .descriptors(.tr, base: 0x7000, limit: 0x67),
    ]
    return conditions
  }

  /// Entries that are not present and keep an address, every second one of `tableCount` PTs; the
  /// last table has `lastCount`.
  static func gaps(tableCount: Int, lastCount: Int) -> PageMemory {
    var memory = PageMemory(pageCount: tableCount + 3)
    memory.words[0] = 0x1000 | 0x23
    memory.words[512] = 0x2000 | 0x23
    for table in 0..<tableCount {
      memory.words[1024 + table] = UInt64(table + 3) << 12 | 0x23
      for entry in 0..<(table == tableCount - 1 ? lastCount : 256) {
        memory.words[(table + 3) * 512 + entry * 2] = 0x9000
      }
    }
    return memory
  }

  @Test(
    "Beyond ten thousand findings of a rule, the others are counted",
    arguments: [(0, 0), (1, 1), (200, 200)])
  func limit(_ surplus: Int, _ dropped: Int) throws {
    #expect(AuditReport.limit == 10_000 && AuditReport.runLimit == 1 << 21)
    // 39 tables have 9984 findings.
    let memory = Self.gaps(tableCount: 40, lastCount: 16 + surplus)
    let tables = PageTables(cr3: 0, configuration: try PagingConfiguration())
    let report = tables.audit(in: memory, under: AuditConditions(pat: AuditRuleTests.pat))
    #expect(report.findings.count == 10_000)
    #expect(report.droppedCounts == (dropped == 0 ? [:] : [.notPresentWithAddress: dropped]))
    #expect(report.findings.first?.linearAddress == 0)
    // Those with the lowest addresses are kept.
    #expect(report.findings.last?.linearAddress == 39 << 21 + 15 << 13)
    #expect(report.findings.allSatisfy { $0.count == 1 && $0.byteCount == 4096 })
  }

  @Test("A neighbour of the last finding that is kept is taken in, and not dropped")
  func limitAndNeighbour() throws {
    var memory = Self.gaps(tableCount: 40, lastCount: 16)
    memory.words[42 * 512 + 31] = 0x9000
    let tables = PageTables(cr3: 0, configuration: try PagingConfiguration())
    let report = tables.audit(in: memory, under: AuditConditions(pat: AuditRuleTests.pat))
    #expect(report.findings.count == 10_000 && report.droppedCounts.isEmpty)
    #expect(report.findings.last?.count == 2 && report.findings.last?.byteCount == 8192)
    #expect(report.findings.last?.lastAddress == 39 << 21 + 16 << 13 - 1)
  }

  @Test("Severities, each with its rules")
  func severities() {
    let errors: Set<AuditRule> = [
      .userWritableSupervisorData, .tableMappedUser, .reservedBits, .tableOutsideMemory,
      .executableUserStack, .registerMapping,
    ]
    let notes: Set<AuditRule> = [
      .tableMappedWritable, .tableSharedBetweenLevels, .parentRestrictsLeaf, .loop, .dirtyReadOnly,
      .accessedBelowNotAccessed, .possibleShadowStack,
    ]
    for rule in AuditRule.allCases {
      #expect(
        rule.severity == (errors.contains(rule) ? .error : notes.contains(rule) ? .note : .warning))
    }
    #expect(AuditSeverity.allCases.sorted() == [.note, .warning, .error])
  }
}
