// What is executed: every leaf and every link on the way to one, and nothing is left out unsaid.

import GuestMem
import Inspection
import MMU
import TestHosts
import TestImages
import TestSupport
import Testing

@testable import Probe

@Suite("A plan goes through every leaf and every link, and counts what does not fit")
struct CoverageTests {
  /// An entry as it is used: where it stands, the level, and the rights that it inherits.
  struct Use: Hashable {
    let entryAddress: UInt64
    let level: UInt8
    let rights: UInt64
  }

  /// The tables of `image`, and the plan for them without any expansion of shared tables.
  static func plan(
    _ image: TableImage, byteCount: UInt64, pageLimit: Int = 1 << 22, expansionLimit: UInt64 = 0
  ) throws -> (plan: ImagePlan, memory: ProbeMemory) {
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: byteCount)
    let configuration = try PagingConfiguration()
    let tables = try ImageTables(
      MemoryImage(path: file.path), cr3: image.root, configurations: [configuration],
      addressLimit: 1 << 46)
    let plan = ImagePlan(
      PageTables(cr3: image.root, configuration: configuration), settings: ProcessorSettings(),
      ranges: tables.ranges, addressLimit: 1 << 52, pageLimit: pageLimit,
      expansionLimit: expansionLimit, in: tables.original)
    return (plan, tables.original)
  }

  /// Every entry on the way to a leaf, found by plain recursion; the rights are those above the entry.
  static func wanted(
    _ image: TableImage, _ table: UInt64, level: UInt8, rights: UInt64, into uses: inout Set<Use>,
    known: inout [Use: Bool]
  ) -> Bool {
    let key = Use(entryAddress: table, level: level, rights: rights)
    if let hasLeaf = known[key] { return hasLeaf }
    var hasLeaf = false
    for index in 0..<512 {
      let word = image.tables[table]?[index] ?? 0
      guard word & 1 != 0 else { continue }
      let isLeaf = level == 1 || (level < 4 && word & 0x80 != 0)
      let below = rights & word & 6 | (rights | word) & 1 << 63
      let leads =
        isLeaf
        || wanted(
          image, word & 0x000f_ffff_ffff_f000, level: level - 1, rights: below, into: &uses,
          known: &known)
      guard leads else { continue }
      hasLeaf = true
      uses.insert(Use(entryAddress: table + UInt64(index) * 8, level: level, rights: rights))
    }
    known[key] = hasLeaf
    return hasLeaf
  }

  /// The entries that the pages of a plan go through.
  static func executed(_ plan: ImagePlan, root: UInt64, in memory: ProbeMemory) throws -> Set<Use> {
    let configuration = try PagingConfiguration()
    var uses: Set<Use> = []
    for page in plan.plan.pages {
      guard case .kind = page.subject else { continue }
      let walk = Walk(page.linearAddress, cr3: root, configuration: configuration, in: memory)
      guard case .page = walk.end else {
        Issue.record("\(page.linearAddress) is not mapped")
        continue
      }
      var rights: UInt64 = 6
      for index in 0..<walk.stepCount {
        let step = walk.step(index)
        uses.insert(
          Use(
            entryAddress: step.entryAddress.rawValue, level: step.level.rawValue, rights: rights))
        let word = step.entry.rawValue
        rights = rights & word & 6 | (rights | word) & 1 << 63
      }
    }
    return uses
  }

  @Test("Every leaf and link of 200 random webs of shared tables is in the plan", arguments: 0..<4)
  func everyLeafAndLink(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var total = 0
    for _ in 0..<50 {
      var image = TableImage()
      var levels = [[image.root]]
      for _ in 0..<3 {
        levels.append((0..<Int.random(in: 1...3, using: &random)).map { _ in image.makeTable() })
      }
      for (depth, tables) in levels.enumerated() {
        for table in tables {
          for _ in 0..<Int.random(in: 0...9, using: &random) {
            let rights = UInt64.random(in: 0..<4, using: &random) << 1 | 1
            let denied = UInt64.random(in: 0..<3, using: &random) == 0 ? UInt64(1) << 63 : 0
            let isLeaf = depth == 3 || depth == 2 && Bool.random(using: &random)
            let target =
              isLeaf
              ? (depth == 3
                ? 0x20_0000 + UInt64.random(in: 0..<64, using: &random) << 12 : 0x20_0080)
              : levels[depth + 1].randomElement(using: &random) ?? 0
            image.set(
              target | rights | denied, at: Int.random(in: 0..<512, using: &random), of: table)
          }
        }
      }
      let (plan, memory) = try Self.plan(image, byteCount: 8 << 20)
      var wanted: Set<Use> = []
      var known: [Use: Bool] = [:]
      _ = Self.wanted(image, image.root, level: 4, rights: 6, into: &wanted, known: &known)
      let executed = try Self.executed(plan, root: image.root, in: memory)
      #expect(executed == wanted)
      #expect(plan.unplannedCounts.isEmpty)
      total += wanted.count
    }
    #expect(total > 500)
  }

  @Test("A plan that is full counts what it left out, by subject, and that is no agreement")
  func fullPlan() throws {
    var image = TableImage()
    for page in 0..<UInt64(100) {
      image.map(0x40_0000 + page << 13, to: 0x10_0000 + page << 12, [.present, .writable])
    }
    var (all, _) = try Self.plan(image, byteCount: 4 << 20)
    all.addGaps()
    var (some, _) = try Self.plan(image, byteCount: 4 << 20, pageLimit: 90)
    some.addGaps()
    #expect(some.plan.pages.count == 90)
    #expect(some.unplannedCounts[.kind(0)] == 10)
    #expect(
      some.unplannedCounts.values.reduce(0, +) + some.plan.pages.count == all.plan.pages.count)
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 4 << 20)
    var options = VerificationOptions()
    options.timeLimit = .seconds(1800)
    options.pageLimit = 90
    let report = try Verifier.modelOnly.verify(
      MemoryImage(path: file.path),
      ImageQuestion(
        cr3: image.root, configuration: PagingConfiguration(), settings: ProcessorSettings()),
      options: options)
    #expect(
      report.total.notRun[.beyondPlan] == some.unplannedCounts.values.reduce(0, +) * 6)
    #expect(report.total.probeCount == all.plan.probeCount)
  }

  @Test("What is asked for and not mapped is planned at both ends of what each table leaves out")
  func askedAndUnmapped() throws {
    var image = TableImage()
    image.map(0x40_3000, to: 0x10_0000, [.present])
    image.map(0x40_0000_0000, to: 0x10_0000, [.present])
    var (plan, memory) = try Self.plan(image, byteCount: 4 << 20)
    let before = plan.plan.pages.count
    let guards = Mapping(
      name: "nothing here", linearAddress: LinearAddress(truncating: 0x40_4000, width: .bits48),
      byteCount: 64 << 40, properties: PageProperties(rights: []))
    plan.add(
      ImageExpectation(
        space: AddressSpace(memoryByteCount: 0, mappings: [guards]), placements: [nil]),
      cr3: image.root, configuration: try PagingConfiguration(), in: memory)
    let pages = plan.plan.pages.dropFirst(before).map(\.linearAddress)
    // The rest of the first table, then of its directory, and so on up; 64 TiB in a few pages.
    #expect(Set(pages).isSuperset(of: [0x40_4000, 0x5f_f000, 0x60_0000, 0x3fff_f000, 0x4000_0000]))
    #expect(pages.count < 24)
  }

  @Test(
    "A gap that only the agent's root entry leaves is not executed, and that is said",
    .enabled(if: Host.hasKVM, "needs /dev/kvm"))
  func agentInTheGap() throws {
    var image = TableImage()
    image.map(0x40_0000, to: 0x10_0000, [.present])
    let table = try #require(image.tables[image.root]?[0])
    for index in 0..<512 where index != 100 { image.set(table, at: index, of: image.root) }
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 4 << 20)
    let report = try Verifier().verify(
      MemoryImage(path: file.path),
      ImageQuestion(
        cr3: image.root, configuration: PagingConfiguration(), settings: ProcessorSettings()))
    let gaps = try #require(report.tallies[.gap(nearMapping: -1)])
    #expect(gaps.notRun == [.reachesAgent: 12])
    #expect(report.unproved.contains { $0.reason == .notRun(.reachesAgent) && $0.count == 12 })
    #expect(!report.isAgreement)
  }

  /// Two pages of 2 MiB.
  static let large = AddressSpace(
    memoryByteCount: 16 << 20,
    mappings: [
      Mapping(
        name: "large", linearAddress: LinearAddress(truncating: 0x40_0000, width: .bits48),
        byteCount: 4 << 20, properties: PageProperties(rights: [.read], isUser: true))
    ])

  @Test("Further addresses of a leaf are covered only where it was executed")
  func notCovered() throws {
    #expect(try Verifier.modelOnly.verify(Self.large).total.coveredCount == 0)
  }

  @Test(
    "Further addresses of a leaf are covered where it was executed",
    .enabled(if: Host.hasKVM, "needs /dev/kvm"))
  func covered() throws {
    let report = try Verifier().verify(Self.large)
    #expect(report.isAgreement && report.pageCounts == [0: 2])
    #expect(report.tallies[.mapping(0)]?.coveredCount == 2 * (512 - 3) * 6)
  }
}
