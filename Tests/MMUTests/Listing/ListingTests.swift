// Listings of tables that are trees, and of those that are not.

import MMU
import TestSupport
import Testing

/// Keeps what it receives.
struct ItemCollector: ListingReceiver {
  var items: [ListedItem] = []

  mutating func receive(_ item: ListedItem) -> ListingDecision {
    items.append(item)
    return .goOn
  }
}

/// Memory of a few pages from address 0 on.
struct PageMemory: PhysicalMemory {
  var words: [UInt64]

  init(pageCount: Int) { words = Array(repeating: 0, count: pageCount * 512) }

  func loadWord(at address: GuestPhysicalAddress) -> UInt64? {
    let index = Int(address.rawValue / 8)
    return index < words.count ? words[index] : nil
  }
}

@Suite("A listing shows every mapping, and always ends")
struct ListingTests {
  static func tables() throws -> PageTables {
    PageTables(cr3: 0, configuration: try PagingConfiguration())
  }

  static func list(
    _ memory: PageMemory, _ policy: SharedTablePolicy = .automatic
  ) throws -> [ListedItem] {
    var collector = ItemCollector()
    try tables().list(in: memory, shared: policy, to: &collector)
    return collector.items
  }

  @Test("Every page of a run translates as a walk of it does, over random tables and rights")
  func agreesWithWalk() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<TestSetting.depth(60, full: 200) {
      var memory = PageMemory(pageCount: 4)
      for page in 0..<4 {
        for _ in 0..<6 {
          let flags = UInt64.random(in: 0...0x7f, using: &generator) | 1
          let xd: UInt64 = Bool.random(using: &generator) ? 1 << 63 : 0
          let target = UInt64.random(in: 0...4, using: &generator) << 12
          memory.words[page * 512 + Int.random(in: 0..<512, using: &generator)] =
            flags | xd | target
        }
      }
      var listed: [UInt64: MappedRun] = [:]
      for case .run(let run) in try Self.list(memory, .expand) {
        for page in 0..<run.pageCount {
          listed[run.linearAddress &+ page &* run.pageSize.byteCount] = run
        }
      }
      let tables = try Self.tables()
      for (address, run) in listed {
        let walk = Walk(address, cr3: 0, configuration: tables.configuration, in: memory)
        guard let page = walk.translation else {
          Issue.record("seed \(seed): 0x\(String(address, radix: 16)) is not mapped")
          return
        }
        // An expectation for each of millions of pages would be most of the time.
        let agrees =
          page.isWritable == run.isWritable && page.isUser == run.isUser
          && page.isNoExecute == !run.isExecutable && page.pageSize == run.pageSize
          && page.physicalAddress.rawValue
            == run.physicalAddress.rawValue + (address - run.linearAddress)
        if !agrees { Issue.record("seed \(seed), address \(address): \(page), \(run)") }
      }
      #expect(tables.cost(in: memory).leafCount == UInt64(listed.count), "seed \(seed)")
    }
  }

  /// Joins leaf after leaf, as a listing must.
  private struct Joiner: TableVisitor {
    var runs: [MappedRun] = []

    mutating func visit(_ table: TableVisit) -> TraversalDecision { .enter }

    mutating func visit(_ entry: EntryVisit, in table: TableVisit) -> TraversalDecision {
      guard case .page(let size) = entry.kind else { return .enter }
      let page = MappedRun(entry, size, inherited: table.inherited)
      if runs.isEmpty || !runs[runs.count - 1].append(page) { runs.append(page) }
      return .enter
    }
  }

  @Test("Runs are as long as they can be and no longer, over random stretches of leaves")
  func joinsWhatContinues() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var generator = SeededGenerator(seed: seed)
    var runCount = 0
    for _ in 0..<TestSetting.depth(60, full: 300) {
      var memory = PageMemory(pageCount: 4)
      memory.words[0] = 0x1007
      memory.words[1] = 0x1003
      for page in 1..<4 {
        // A page table, and a page directory of large pages and of links to it.
        var index = 0
        while index < 512 {
          let count = min(512 - index, Int.random(in: 1...90, using: &generator))
          let span: UInt64 = page == 3 ? 1 << 12 : page == 2 ? 1 << 21 : 1 << 30
          var word = UInt64.random(in: 0...0x7f, using: &generator)
          word |= UInt64.random(in: 0...3, using: &generator) << 9
          word |= Bool.random(using: &generator) ? 1 << 63 : 0
          word |= UInt64.random(in: 0..<512, using: &generator) &* span
          // Some stretches end where physical addresses do.
          if Int.random(in: 0..<8, using: &generator) == 0 {
            word |= 0xf_ffff_ffff_ffff & ~(span - 1)
          }
          if page < 3 { word |= 0x80 }
          for _ in 0..<count {
            let isLink = page < 3 && Int.random(in: 0..<20, using: &generator) == 0
            memory.words[page * 512 + index] = isLink ? UInt64(page + 1) << 12 | 7 : word
            word = word &+ (Int.random(in: 0..<40, using: &generator) == 0 ? span * 2 : span)
            if Int.random(in: 0..<40, using: &generator) == 0 { word ^= 0x20 }
            index += 1
          }
        }
      }
      var joiner = Joiner()
      try Self.tables().traverse(in: memory, &joiner)
      var listed: [MappedRun] = []
      for case .run(let run) in try Self.list(memory, .expand) { listed.append(run) }
      // What maps nothing stands between runs, and splits none here.
      var joined: [MappedRun] = []
      for run in listed where joined.isEmpty || !joined[joined.count - 1].append(run) {
        joined.append(run)
      }
      #expect(joined == joiner.runs, "seed \(seed)")
      runCount += joined.count
    }
    #expect(runCount > TestSetting.depth(4000, full: 30_000), "\(runCount), seed \(seed)")
  }

  @Test("A run ends where physical addresses end, whatever the next entry looks like")
  func lastPhysicalPage() throws {
    var memory = PageMemory(pageCount: 4)
    memory.words[0] = 0x1007
    memory.words[512] = 0x2007
    memory.words[1024] = 0x3007
    memory.words[1536] = 0xf_ffff_ffff_f007
    memory.words[1537] = 0x10_0000_0000_0007
    let items = try Self.list(memory)
    #expect(items.count == 2)
    guard case .run(let last)? = items.last else { throw TestFailure.noRun }
    #expect(last.physicalAddress.rawValue == 0 && last.pageCount == 1)
  }

  @Test("Four shared tables that map 2^36 pages are read once each")
  func sharedTables() throws {
    var memory = PageMemory(pageCount: 4)
    for index in 0..<512 {
      for page in 0..<3 { memory.words[page * 512 + index] = UInt64(page + 1) << 12 | 7 }
      memory.words[3 * 512 + index] = UInt64(index) << 12 | 7
    }
    let cost = try Self.tables().cost(in: memory)
    #expect(cost.leafCount == 1 << 36)
    #expect(cost.distinctTableCount == 4)
    let items = try Self.list(memory)
    // One run, then what repeats it: in the PD, in the PDPT, and in each half of the PML4.
    #expect(items.count == 5)
    let covered = items.reduce(0 as UInt64) { sum, item in
      switch item {
      case .run(let run): sum + run.byteCount
      case .repetition(_, let byteCount, _, _): sum + byteCount
      case .deadEnd: sum
      }
    }
    #expect(covered == 1 << 48)
  }

  @Test("A root that maps itself ends after four levels")
  func recursiveEntry() throws {
    var memory = PageMemory(pageCount: 1)
    memory.words[511] = 7
    let items = try Self.list(memory)
    #expect(items.count == 1)
    guard case .run(let run)? = items.first else { throw TestFailure.noRun }
    #expect(run.linearAddress == 0xffff_ffff_ffff_f000)
    #expect(run.physicalAddress.rawValue == 0)
  }

  @Test("The entry nearest to the root that takes a right away is named")
  func restrictions() throws {
    var memory = PageMemory(pageCount: 4)
    memory.words[0] = 0x1000 | 5
    memory.words[512] = 0x2000 | 1 << 63 | 5
    memory.words[1024] = 0x3000 | 7
    memory.words[1536] = 0x5000 | 7
    guard case .run(let run)? = try Self.list(memory).first else { throw TestFailure.noRun }
    #expect(run.isRestrictedByParent && !run.isWritable && run.isUser && !run.isExecutable)
    #expect(run.inherited.writeRestriction?.level == .pageMapLevel4)
    #expect(run.inherited.writeRestriction?.address.rawValue == 0)
    #expect(run.inherited.fetchRestriction?.level == .pageDirectoryPointerTable)
    #expect(run.inherited.fetchRestriction?.address.rawValue == 0x1000)
    #expect(run.inherited.userRestriction == nil)
  }

  enum TestFailure: Error { case noRun }
}
