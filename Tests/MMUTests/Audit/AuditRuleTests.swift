// Every rule of an audit, found where it applies and nowhere else.

import MMU
import Testing

@Suite("Every rule of an audit finds what it is about")
struct AuditRuleTests {
  static let pat: UInt64 = 0x0007_0406_0007_0406

  /// Tables for one 4 KiB page at 0: the root, and at pages 1 to 3 a PDPT, a PD and a PT.
  static func tables(_ change: (inout PageMemory) -> Void = { _ in }) -> PageMemory {
    var memory = PageMemory(pageCount: 8)
    memory.words[0] = 0x1000 | 0x23
    memory.words[512] = 0x2000 | 0x23
    memory.words[1024] = 0x3000 | 0x23
    // Supervisor, writable, not executable, A and D.
    memory.words[1536] = 0x9000 | 0x63 | 1 << 63
    change(&memory)
    return memory
  }

  static func rules(
    _ memory: PageMemory, stack: UInt64? = nil, width: UInt8 = 48
  ) throws -> Set<AuditRule> {
    let tables = PageTables(
      cr3: 0, configuration: try PagingConfiguration(physicalAddressWidth: width))
    return Set(tables.audit(in: memory, pat: pat, userStack: stack).findings.map(\.rule))
  }

  @Test("Plain tables have no findings")
  func plain() throws { #expect(try Self.rules(Self.tables()) == []) }

  @Test("Each rule alone applies to tables that break it alone", arguments: AuditRule.allCases)
  func each(_ rule: AuditRule) throws {
    var stack: UInt64?
    var also: Set<AuditRule> = []
    let memory = Self.tables { memory in
      switch rule {
      case .writableAndExecutable: memory.words[1536] &= ~(1 << 63)
      case .userWritableSupervisorData:
        memory.words[511] = 0x1000 | 0x27
        memory.words[512] |= 4
        memory.words[1024] |= 4
        memory.words[1536] |= 4
        also = [.parentRestrictsLeaf]
      case .supervisorTextWritableAlias: memory.words[1537] = 0x9000 | 0x21
      case .tableMappedWritable: memory.words[1537] = 0x3000 | 0x63 | 1 << 63
      case .tableMappedUser:
        for index in [0, 512, 1024] { memory.words[index] |= 4 }
        memory.words[1537] = 0x3000 | 0x25 | 1 << 63
      case .tableSharedBetweenLevels:
        // Page 3 as a PD as well: its only entry then points at page 9, outside memory.
        memory.words[513] = 0x3000 | 0x23
        also = [.tableOutsideMemory]
      case .reservedBits: memory.words[1537] = 1 << 50 | 0x21 | 1 << 63
      case .notPresentWithAddress: memory.words[1537] = 0x9000
      case .executableUserStack:
        for index in [0, 512, 1024] { memory.words[index] |= 4 }
        memory.words[1537] = 0xa000 | 0x25
        stack = 0x1800
      case .parentRestrictsLeaf: memory.words[1024] &= ~2
      case .largePageMemoryTypes:
        memory.words[1025] = 0x20_0000 | 0xe3 | 1 << 63
        memory.words[1537] = 0x20_5000 | 0x73 | 1 << 63
      case .tableOutsideMemory: memory.words[1025] = 0x80_0000 | 0x23
      case .loop:
        memory.words[511] = 0x23
        also = [.tableSharedBetweenLevels, .writableAndExecutable, .tableMappedWritable]
      case .dirtyWithoutAccessed: memory.words[1536] &= ~0x20
      case .dirtyReadOnly: memory.words[1537] = 0xa000 | 0x61 | 1 << 63
      case .accessedBelowNotAccessed: memory.words[1024] &= ~0x20
      }
    }
    if rule == .parentRestrictsLeaf { also = [.dirtyReadOnly] }
    let found = try Self.rules(memory, stack: stack)
    #expect(found.contains(rule))
    #expect(found.subtracting(also) == [rule])
  }

  @Test("Shared tables that map 2^36 pages are audited in no time, and neighbours are merged")
  func sharedTables() throws {
    var memory = PageMemory(pageCount: 4)
    for index in 0..<512 {
      for page in 0..<3 { memory.words[page * 512 + index] = UInt64(page + 1) << 12 | 0x23 }
      memory.words[3 * 512 + index] = UInt64(index + 16) << 12 | 0x63
    }
    let tables = PageTables(cr3: 0, configuration: try PagingConfiguration())
    let report = tables.audit(in: memory, pat: Self.pat)
    #expect(report.findings.map(\.rule) == [.writableAndExecutable])
    #expect(report.findings.first?.count == 512)
    #expect(report.tableCount == 4)
  }
}
