// Listings, costs and censuses against plain loops over everything.

import MMU
import TestSupport
import Testing

/// Stops after some items.
private struct ImpatientCollector: ListingReceiver {
  var rest: Int
  var items: [ListedItem] = []

  mutating func receive(_ item: ListedItem) -> ListingDecision {
    items.append(item)
    rest -= 1
    return rest > 0 ? .goOn : .stop
  }
}

@Suite("A listing says what a plain loop over everything says, to the last field")
struct ListingComparisonTests {
  private static func tables() throws -> PageTables {
    PageTables(cr3: 0, configuration: try PagingConfiguration(physicalAddressWidth: 48))
  }

  private static func list(
    _ memory: PageMemory, _ policy: SharedTablePolicy
  ) throws -> [ListedItem] {
    var collector = ItemCollector()
    try tables().list(in: memory, shared: policy, to: &collector)
    return collector.items
  }

  /// Every mode in which rights can differ, with keys of which some are closed.
  private static let modes: [CPUMode] = {
    var modes: [CPUMode] = []
    for bits in 0..<64 {
      for privilege in [PrivilegeLevel.user, .supervisor] {
        var mode = CPUMode(privilege: privilege)
        mode.isWriteProtectEnabled = bits & 1 != 0
        mode.isSMEPEnabled = bits & 2 != 0
        mode.isSMAPEnabled = bits & 4 != 0
        mode.isAlignmentCheckFlagSet = bits & 8 != 0
        mode.isPKEEnabled = bits & 16 != 0
        mode.isPKSEnabled = bits & 32 != 0
        mode.pkru = 0xa4a4_a4a4
        mode.pkrs = 0x9292_9292
        modes.append(mode)
      }
    }
    return modes
  }()

  /// The accesses that succeed, by section 5.6 of the manual.
  static func rights(of page: PlainPage, in mode: CPUMode) -> EffectiveRights {
    let isSupervisor = mode.privilege == .supervisor
    let key = page.leaf.word >> 59 & 15
    let register = page.isUser ? mode.pkru : mode.pkrs
    let isKeyed = page.isUser ? mode.isPKEEnabled : mode.isPKSEnabled
    let disabled = isKeyed ? register >> (UInt32(key) * 2) & 3 : 0
    let isReached = isSupervisor || page.isUser
    let isData =
      isReached && disabled & 1 == 0
      && !(isSupervisor && page.isUser && mode.isSMAPEnabled && !mode.isAlignmentCheckFlagSet)
    let isForced = isSupervisor && !mode.isWriteProtectEnabled
    var rights: EffectiveRights = []
    if isData { rights.formUnion(.read) }
    if isData && (isForced || page.isWritable && disabled & 2 == 0) { rights.formUnion(.write) }
    if isReached && page.isExecutable && !(isSupervisor && page.isUser && mode.isSMEPEnabled) {
      rights.formUnion(.fetch)
    }
    return rights
  }

  private func expect(_ run: MappedRun, is plain: PlainRun, _ comment: Comment) {
    #expect(run.linearAddress == plain.first.linear, comment)
    #expect(run.physicalAddress.rawValue == plain.first.physical, comment)
    #expect(run.pageCount == plain.count && run.pageSize.byteCount == plain.first.size, comment)
    #expect(run.byteCount == plain.byteCount, comment)
    #expect(run.lastAddress == plain.first.linear &+ (plain.byteCount - 1), comment)
    #expect(run.leafBits == plain.first.bits, comment)
    #expect(run.accessedCount == plain.accessed && run.dirtyCount == plain.dirty, comment)
    let page = plain.first
    #expect(run.isWritable == page.isWritable && run.isUser == page.isUser, comment)
    #expect(run.isExecutable == page.isExecutable, comment)
    #expect(run.isRestrictedByParent == (page.restriction != nil), comment)
    // Where the leaf gives nothing anyway, pages of one run may be below different entries.
    if page.leaf.word & 2 != 0 {
      #expect(run.inherited.writeRestriction == page.writeRestriction?.reference, comment)
    }
    if page.leaf.word & 4 != 0 {
      #expect(run.inherited.userRestriction == page.userRestriction?.reference, comment)
    }
    if page.leaf.word >> 63 == 0 {
      #expect(run.inherited.fetchRestriction == page.fetchRestriction?.reference, comment)
    }
  }

  /// Each entry that is present and leads nowhere is in one dead end, in the order of addresses.
  private func expectDeadEnds(_ items: [ListedItem], _ tables: PlainTables, _ comment: Comment) {
    var expected: [[UInt64]] = []
    tables.walk(enter: { _, _, _, _ in true }) { entry in
      switch entry.kind {
      case .reserved(let bits): expected.append([entry.linear, UInt64(entry.step.level), bits])
      case .outside: expected.append([entry.linear, UInt64(entry.step.level), 0])
      default: break
      }
    }
    var found: [[UInt64]] = []
    for case .deadEnd(let end) in items {
      var bits: UInt64 = 0
      if case .reservedBits(let set) = end.cause { bits = set }
      #expect(end.byteCount == end.count * end.entry.level.span, comment)
      #expect(end.lastAddress == end.linearAddress &+ (end.byteCount - 1), comment)
      for index in 0..<end.count {
        found.append(
          [
            end.linearAddress &+ index * end.entry.level.span, UInt64(end.entry.level.rawValue),
            bits,
          ])
      }
    }
    #expect(found == expected, comment)
  }

  @Test("Every run of random tables, with its counts and the entries that restrict it")
  func runs() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    var longest: UInt64 = 0
    var count = 0
    var restricted = 0
    for round in 0..<300 {
      let memory = RandomTables.memory(&random)
      let comment: Comment = "seed \(seed), round \(round)"
      let tables = PlainTables(words: memory.words, width: 48)
      let pages = tables.pages
      let expected = PlainRun.runs(pages)
      let listed = try Self.list(memory, .expand)
      let items = listed.filter { if case .deadEnd = $0 { false } else { true } }
      expectDeadEnds(listed, tables, comment)
      #expect(items.count == expected.count, comment)
      for (item, plain) in zip(items, expected) {
        guard case .run(let run) = item else {
          Issue.record("an expanded listing repeats something, \(comment)")
          continue
        }
        expect(run, is: plain, comment)
        let mode = Self.modes[Int.random(in: 0..<Self.modes.count, using: &random)]
        #expect(
          run.effectiveRights(mode: mode) == Self.rights(of: plain.first, in: mode),
          "\(comment.rawValue): \(mode) \(plain.first)")
        longest = max(longest, run.pageCount)
        restricted += run.isRestrictedByParent ? 1 : 0
        count += 1
      }
      #expect(try Self.tables().cost(in: memory).leafCount == UInt64(pages.count), comment)
      try checkOnce(memory, pages, comment)
    }
    print("listings: \(count) runs agree, the longest of \(longest) pages, seed \(seed)")
    #expect(count > 1000 && longest >= 3 && restricted > 100)
  }

  /// With shared tables listed once, repetitions stand for the same pages with the same rights.
  private func checkOnce(_ memory: PageMemory, _ pages: [PlainPage], _ comment: Comment) throws {
    var listed: [(linear: UInt64, page: [UInt64])] = []
    for item in try Self.list(memory, .once) {
      switch item {
      case .run(let run):
        for index in 0..<run.pageCount {
          let offset = index * run.pageSize.byteCount
          listed.append(
            (
              run.linearAddress &+ offset,
              [
                run.physicalAddress.rawValue + offset, run.pageSize.byteCount, run.leafBits,
                run.combinedRights,
              ]
            ))
        }
      case .deadEnd: break
      case .repetition(let start, let byteCount, let original, let unit):
        #expect(byteCount > 0 && byteCount % unit == 0, comment)
        let unitPages = listed.filter { $0.linear &- original < unit }
        for copy in 0..<byteCount / unit {
          for page in unitPages {
            listed.append((page.linear &- original &+ start &+ copy * unit, page.page))
          }
        }
      }
    }
    #expect(listed.map(\.linear) == pages.map(\.linear), comment)
    let words = pages.map { page -> [UInt64] in
      let rights: UInt64 =
        (page.isWritable ? 2 : 0) | (page.isUser ? 4 : 0) | (page.isExecutable ? 0 : 1 << 63)
      return [page.physical, page.size, page.bits, rights]
    }
    #expect(listed.map(\.page) == words, comment)
  }

  @Test("Neighbours below entries that take a right away are one run unless the leaves give it")
  func restrictionBorders() throws {
    for bit in [1, 2, 63] as [UInt64] {
      for givesRight in [false, true] {
        for isSameEntry in [false, true] {
          // Two full PTs with neighbouring pages; a PDPTE above both, or a PDE above each, restricts.
          var memory = PageMemory(pageCount: 5)
          memory.words[0] = 0x1007
          memory.words[512] = 0x2007
          memory.words[1024] = 0x3007
          memory.words[1025] = 0x4007
          for index in isSameEntry ? [512] : [1024, 1025] { memory.words[index] ^= 1 << bit }
          let leaf: UInt64 = givesRight ? 7 : 7 ^ 1 << bit
          for index in 0..<1024 {
            memory.words[1536 + index] = 0x40_0000 + UInt64(index) << 12 | leaf
          }
          let runs = try Self.list(memory, .expand)
          let isSplit = givesRight && !isSameEntry
          #expect(runs.count == (isSplit ? 2 : 1), "bit \(bit), \(givesRight), \(isSameEntry)")
          let plain = PlainRun.runs(PlainTables(words: memory.words, width: 48).pages)
          #expect(plain.count == runs.count)
          for (item, plain) in zip(runs, plain) {
            guard case .run(let run) = item else { continue }
            expect(run, is: plain, "bit \(bit)")
          }
        }
      }
    }
  }

  @Test("A receiver that has enough gets nothing more")
  func stop() throws {
    var random = SeededGenerator(seed: 5)
    var stopped = 0
    for _ in 0..<40 {
      let memory = RandomTables.memory(&random)
      for policy in [SharedTablePolicy.expand, .once] {
        let all = try Self.list(memory, policy)
        for count in 1...max(1, min(all.count, 4)) where !all.isEmpty {
          var collector = ImpatientCollector(rest: count)
          try Self.tables().list(in: memory, shared: policy, to: &collector)
          #expect(collector.items == Array(all.prefix(count)))
          stopped += 1
        }
      }
    }
    #expect(stopped > 100)
  }

  @Test("Shared tables are expanded up to a limit of leaves and of tables, and not beyond it")
  func limits() throws {
    // A PT of 8 pages, which 4 entries of a PD lead to: 32 leaves, 3 + 4 tables.
    var memory = PageMemory(pageCount: 4)
    memory.words[0] = 0x1007
    memory.words[512] = 0x2007
    for index in 0..<4 { memory.words[1024 + index * 2] = 0x3007 }
    for index in 0..<8 { memory.words[1536 + index] = UInt64(0x10_0000 + index << 12) | 7 }
    let cost = try Self.tables().cost(in: memory)
    #expect(cost.leafCount == 32 && cost.tableCount == 7 && cost.distinctTableCount == 4)
    let expanded = try Self.list(memory, .expand)
    let once = try Self.list(memory, .once)
    #expect(expanded != once && expanded.count == 4 && once.count == 4)
    for limit in 0...40 as ClosedRange<UInt64> {
      #expect(try Self.list(memory, .expandUpTo(limit)) == (limit < 32 ? once : expanded))
    }
    #expect(try Self.list(memory, .automatic) == expanded)
    // More tables than leaves.
    for index in 1..<8 { memory.words[1536 + index] = 0 }
    memory.words[1536] = 0
    memory.words[1031] = 0x20_0087
    for limit in 0...40 as ClosedRange<UInt64> {
      let items = try Self.list(memory, .expandUpTo(limit))
      #expect(items == (try Self.list(memory, limit < 7 ? .once : .expand)))
    }
    #expect(try Self.list(memory, .expandUpTo(6)) != Self.list(memory, .expandUpTo(7)))
  }

  @Test("Costs that no number holds are the largest number")
  func saturation() throws {
    // Five levels of tables that lead to themselves have 512^4 leaves, which fits.
    var memory = PageMemory(pageCount: 5)
    for index in 0..<512 {
      for page in 0..<4 { memory.words[page * 512 + index] = UInt64(page + 1) << 12 | 7 }
      memory.words[4 * 512 + index] = 7
    }
    let five = PageTables(cr3: 0, configuration: try PagingConfiguration(rootLevel: .pageMapLevel5))
    let cost = five.cost(in: memory)
    #expect(cost.leafCount == 1 << 45)
    #expect(cost.tableCount == 1 + 1 << 9 + 1 << 18 + 1 << 27 + 1 << 36)
    #expect(cost.distinctTableCount == 5)
  }
}
