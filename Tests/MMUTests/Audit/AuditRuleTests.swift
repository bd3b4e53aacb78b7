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
    _ memory: PageMemory, width: UInt8 = 48, _ change: (inout AuditConditions) -> Void = { _ in }
  ) throws -> Set<AuditRule> {
    var conditions = AuditConditions(pat: pat)
    change(&conditions)
    let tables = PageTables(
      cr3: 0, configuration: try PagingConfiguration(physicalAddressWidth: width))
    return Set(tables.audit(in: memory, under: conditions).findings.map(\.rule))
  }

  @Test("Plain tables have no findings")
  func plain() throws { #expect(try Self.rules(Self.tables()) == []) }

  @Test("Each rule alone applies to tables that break it alone", arguments: AuditRule.allCases)
  func each(_ rule: AuditRule) throws {
    var conditions = AuditConditions(pat: Self.pat)
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
        conditions.userStack = 0x1800
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
      case .writeProtectOff:
        memory.words[1537] = 0xa000 | 0x21 | 1 << 63
        conditions.mode.isWriteProtectEnabled = false
      case .leafBeyondMemory:
        memory.words[1537] = 1 << 47 | 0x23 | 1 << 63
      case .registerMapping: conditions.registerUses = [.instructions(at: 0, .supervisor)]
      case .possibleShadowStack:
        memory.words[1537] = 0xa000 | 0x61 | 1 << 63
        conditions.isCETEnabled = true
      }
    }
    if rule == .parentRestrictsLeaf { also = [.dirtyReadOnly] }
    let found = try Self.rules(memory) { $0 = conditions }
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
    let report = tables.audit(in: memory, under: AuditConditions(pat: Self.pat))
    // Both halves, whole, with 2^36 leaves.
    #expect(report.findings.map(\.rule) == [.writableAndExecutable, .writableAndExecutable])
    #expect(report.findings.map(\.count) == [1 << 35, 1 << 35])
    #expect(report.findings.map(\.linearAddress) == [0, 0xffff_8000_0000_0000])
    #expect(report.findings.map(\.lastAddress) == [0x7fff_ffff_ffff, .max])
    #expect(report.tableCount == 4)
  }

  @Test("A finding below a shared table stands at every way to it, with the entry of that way")
  func everyWay() throws {
    // The page table of 0 is also that of 0x40_0000 and 0xffff_8000_0000_0000, there for CPL 0 only.
    var memory = Self.tables { memory in
      memory.words[1026] = 0x3000 | 0x23
      memory.words[256] = 0x4000 | 0x21
      memory.words[4 * 512] = 0x5000 | 0x23
      memory.words[5 * 512] = 0x3000 | 0x23
      memory.words[1536] &= ~(1 << 63)
    }
    let tables = PageTables(cr3: 0, configuration: try PagingConfiguration())
    func places(_ rule: AuditRule) -> [UInt64] {
      tables.audit(in: memory, under: AuditConditions(pat: Self.pat)).findings
        .filter { $0.rule == rule }.map(\.linearAddress)
    }
    #expect(places(.writableAndExecutable) == [0, 0x40_0000])
    // R/W is clear above the third way, which restricts the leaf there alone.
    #expect(places(.parentRestrictsLeaf) == [0xffff_8000_0000_0000])
    memory.words[256] |= 2
    #expect(places(.writableAndExecutable) == [0, 0x40_0000, 0xffff_8000_0000_0000])
    // Two ways with the same rights and other entries to blame.
    memory.words[256] &= ~2
    memory.words[1026] &= ~2
    let report = tables.audit(in: memory, under: AuditConditions(pat: Self.pat))
    let blamed = report.findings.filter { $0.rule == .parentRestrictsLeaf }
    #expect(blamed.map(\.linearAddress) == [0x40_0000, 0xffff_8000_0000_0000])
    #expect(blamed.map { $0.entry?.address.rawValue } == [0x2010, 256 * 8])
  }

  @Test("Entries that lead beyond memory and are not present are no finding, as Linux inverts them")
  func inverted() throws {
    let inverted: UInt64 = 0x000f_ffff_ffa2_2960
    #expect(try Self.rules(Self.tables { $0.words[1537] = inverted }) == [])
    let both = Self.tables {
      $0.words[1537] = inverted
      $0.words[1538] = 0x60_3004
    }
    let tables = PageTables(cr3: 0, configuration: try PagingConfiguration())
    var conditions = AuditConditions(pat: Self.pat)
    let found = tables.audit(in: both, under: conditions).findings
    #expect(found.map(\.linearAddress) == [0x2000] && found.map(\.byteCount) == [4096])
    #expect(found.map(\.physicalAddress.rawValue) == [0x60_3000])
    // Where the image holds memory, its end is known: 8 pages of tables and four times as much.
    for (end, isFinding) in [(0x10_0000, false), (0x60_3000, false), (0x60_4000, true)]
      as [(UInt64, Bool)]
    {
      conditions.memory = [0..<end]
      #expect(tables.audit(in: both, under: conditions).findings.isEmpty != isFinding)
    }
  }

  @Test("Read-only pages can be written at CPL 0 while CR0.WP is clear, and are reported so")
  func writeProtectOff() throws {
    // Read-only text: it is writable and executable then, and its dirty bit no wonder.
    let memory = Self.tables { $0.words[1537] = 0xa000 | 0x61 }
    #expect(try Self.rules(memory) == [.dirtyReadOnly])
    #expect(
      try Self.rules(memory) { $0.mode.isWriteProtectEnabled = false }
        == [.writableAndExecutable, .writeProtectOff])
    // Of a user's page with SMEP, CPL 0 writes and CPL 3 executes: no privilege does both.
    let user = Self.tables { memory in
      for index in [0, 512, 1024] { memory.words[index] |= 4 }
      memory.words[1537] = 0xa000 | 0x25
    }
    for (isSMEP, isSMAP, rules) in [
      (false, false, [.writableAndExecutable, .writeProtectOff]), (true, false, [.writeProtectOff]),
      (true, true, []), (false, true, []),
    ] as [(Bool, Bool, Set<AuditRule>)] {
      #expect(
        try Self.rules(user) {
          $0.mode.isWriteProtectEnabled = false
          $0.mode.isSMEPEnabled = isSMEP
          $0.mode.isSMAPEnabled = isSMAP
        } == rules, "\(isSMEP) \(isSMAP)")
    }
  }

  @Test("Leaves beyond memory are found where memory is known, and devices are left alone")
  func beyondMemory() throws {
    func isFound(_ leaf: UInt64, _ end: UInt64) throws -> Bool {
      let memory = Self.tables { $0.words[1537] = leaf | 0x23 | 1 << 63 }
      return try Self.rules(memory) { $0.memory = end == 0 ? [] : [0..<end] }
        == [.leafBeyondMemory]
    }
    let megabyte: UInt64 = 0x10_0000
    for (leaf, end, isBeyond) in [
      (megabyte, megabyte, true), (megabyte - 4096, megabyte, false),
      (0xfec0_0000, megabyte, false), (0xfebf_f000, megabyte, true), (1 << 32, megabyte, true),
      // PCD: a device.
      (1 << 32 | 0x10, megabyte, false), (1 << 46 | 0x10, megabyte, true),
      // Nothing is known of memory, or the image is hardly more than the tables.
      (megabyte, 0, false), (megabyte, 0xf000, false), (1 << 46, 0, true), (1 << 46, 0xf000, true),
      (1 << 46 - 4096, 0, false),
    ] as [(UInt64, UInt64, Bool)] {
      #expect(try isFound(leaf, end) == isBeyond, "\(String(leaf, radix: 16)) \(end)")
    }
  }
}
