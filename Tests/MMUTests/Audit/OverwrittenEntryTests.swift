// Entries with all bits set: an audit says that something was written over them.

import MMU
import Testing

@Suite("An audit tells an entry that was written over from one that somebody set")
struct OverwrittenEntryTests {
  /// A situation in which two neighbouring leaves break rules about one page.
  enum Situation: CaseIterable { case upperHalf, readOnlyParent, writeProtectOff, supervisorParent }

  @Test(
    "In every finding about the page, and in none about its neighbour",
    arguments: Situation.allCases)
  func allOnes(_ situation: Situation) throws {
    var memory = PageMemory(pageCount: 4)
    var conditions = AuditConditions(pat: AuditRuleTests.pat)
    var parent: UInt64 = 0x27
    var rules: Set<AuditRule> = []
    switch situation {
    case .upperHalf: rules = [.userWritableSupervisorData]
    case .readOnlyParent:
      parent = 0x25
      rules = [.parentRestrictsLeaf, .dirtyReadOnly]
    case .writeProtectOff:
      parent = 0x25
      conditions.mode.isWriteProtectEnabled = false
      rules = [.parentRestrictsLeaf, .writeProtectOff]
    case .supervisorParent:
      parent = 0x23
      rules = [.parentRestrictsLeaf]
    }
    memory.words[511] = 0x1000 | parent
    memory.words[512] = 0x2027
    memory.words[1024] = 0x3027
    // All ones is a page at the top of memory, with key 15; the neighbour has key 7.
    memory.words[1536] = .max
    memory.words[1537] = .max ^ 1 << 62
    let tables = PageTables(
      cr3: 0, configuration: try PagingConfiguration(physicalAddressWidth: 52))
    let report = tables.audit(in: memory, under: conditions)
    for rule in rules {
      let found = report.findings.filter { $0.rule == rule }
      #expect(found.map(\.isAllOnes) == [true, false], "\(rule)")
      #expect(
        found.map(\.linearAddress) == [0xffff_ff80_0000_0000, 0xffff_ff80_0000_1000], "\(rule)")
    }
    #expect(rules.isSubset(of: Set(report.findings.map(\.rule))))
  }
}
