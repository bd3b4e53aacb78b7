// An exhaustive plan: every page through every path, in few words, and nothing twice.

import GuestMem
import Inspection
import MMU
import TestImages
import TestSupport
import Testing

@testable import Probe

@Suite("An exhaustive plan has every page that is mapped, through every path, once")
struct ExhaustivePlanTests {
  /// Pages that are planned as one.
  struct Stretch: Hashable {
    var first: UInt64
    var pageCount: UInt64
  }

  static func plan(
    _ image: TableImage, byteCount: UInt64 = 8 << 20, pageLimit: Int = 1 << 22
  ) throws -> (plan: ImagePlan, memory: ProbeMemory) {
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: byteCount)
    let configuration = try PagingConfiguration()
    let tables = try ImageTables(
      MemoryImage(path: file.path), cr3: image.root, configurations: [configuration],
      addressLimit: 1 << 46)
    return (
      ImagePlan(
        PageTables(cr3: image.root, configuration: configuration), settings: ProcessorSettings(),
        ranges: tables.ranges, addressLimit: 1 << 52, pageLimit: pageLimit, .exhaustive,
        in: tables.original),
      tables.original
    )
  }

  /// What is mapped below a table, by plain recursion, with the number of leaves.
  static func wanted(
    _ image: TableImage, _ table: UInt64, level: UInt64, at base: UInt64,
    into stretches: inout [Stretch]
  ) -> UInt64 {
    var leafCount: UInt64 = 0
    for index in 0..<UInt64(512) {
      let word = image.tables[table]?[Int(index)] ?? 0
      guard word & 1 != 0 else { continue }
      let span = UInt64(1) << (3 + 9 * level)
      var first = base + index * span
      if level == 4, index >= 256 { first |= 0xffff << 48 }
      guard level == 1 || (level < 4 && word & 0x80 != 0) else {
        leafCount += wanted(
          image, word & 0x000f_ffff_ffff_f000, level: level - 1, at: first, into: &stretches)
        continue
      }
      leafCount += 1
      if let last = stretches.last, last.first &+ last.pageCount << 12 == first {
        stretches[stretches.count - 1].pageCount += span >> 12
      } else {
        stretches.append(Stretch(first: first, pageCount: span >> 12))
      }
    }
    return leafCount
  }

  /// The stretches of a plan, neighbours as one.
  static func planned(_ pages: [ProbePage]) -> [Stretch] {
    var stretches: [Stretch] = []
    for page in pages {
      if let last = stretches.last, last.first &+ last.pageCount << 12 == page.linearAddress {
        stretches[stretches.count - 1].pageCount += page.pageCount
      } else {
        stretches.append(Stretch(first: page.linearAddress, pageCount: page.pageCount))
      }
    }
    return stretches
  }

  /// Tables that are linked from many places, of which some have so few pages and some so many.
  static func web(_ random: inout SeededGenerator) -> TableImage {
    var image = TableImage()
    var levels = [[image.root]]
    for _ in 0..<3 {
      levels.append((0..<Int.random(in: 1...3, using: &random)).map { _ in image.makeTable() })
    }
    for (depth, tables) in levels.enumerated() {
      for table in tables {
        let start = Int.random(in: 0..<400, using: &random)
        for number in 0..<Int.random(in: 0...(depth == 3 ? 60 : 9), using: &random) {
          let isLeaf = depth == 3 || depth == 2 && Bool.random(using: &random)
          let target =
            isLeaf
            ? (depth == 3 ? 0x20_0000 : 0x20_0080)
            : levels[depth + 1].randomElement(using: &random) ?? 0
          // Neighbours as well as single ones, of two kinds.
          let index = Bool.random(using: &random) ? start + number : start + number * 2 - 60
          guard index >= 0, index < 512 else { continue }
          image.set(
            target | (UInt64.random(in: 0..<4, using: &random) == 0 ? 1 : 7), at: index, of: table)
        }
      }
    }
    return image
  }

  @Test("Of 200 random webs of shared tables, as plain recursion finds them", arguments: 0..<4)
  func everyPath(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var pageCount: UInt64 = 0
    var manyStretches = 0
    for _ in 0..<50 {
      let image = Self.web(&random)
      let (plan, memory) = try Self.plan(image)
      var wanted: [Stretch] = []
      let leafCount = Self.wanted(image, image.root, level: 4, at: 0, into: &wanted)
      #expect(Self.planned(plan.plan.pages) == wanted)
      #expect(plan.leafCounts.reduce(0, +) == leafCount)
      #expect(plan.unplannedCounts.isEmpty && plan.sharedByteCount == 0)
      #expect(plan.kinds.allSatisfy { $0.pageSize != nil })
      for page in plan.plan.pages.prefix(200) {
        // What is planned as one is alike from end to end.
        for position in Set([0, page.pageCount / 2, page.pageCount - 1]) {
          let walk = Walk(
            page.single(position).linearAddress, cr3: image.root,
            configuration: try PagingConfiguration(), in: memory)
          guard case .page(let translation) = walk.end, case .kind(let kind) = page.subject else {
            Issue.record("\(page.linearAddress) is not mapped")
            continue
          }
          #expect(translation.pageSize == page.pageSize)
          #expect(plan.kinds[kind].pageSize == page.pageSize)
        }
      }
      pageCount += wanted.reduce(0) { $0 + $1.pageCount }
      if wanted.count > 16 { manyStretches += 1 }
      // What does not fit is counted to the page, wherever the limit is.
      let limit = Int.random(in: 0...max(1, plan.plan.pages.count), using: &random)
      let (part, _) = try Self.plan(image, pageLimit: limit)
      #expect(part.plan.pages.count <= limit)
      #expect(
        part.plan.pageCount + UInt64(part.unplannedCounts.values.reduce(0, +))
          == plan.plan.pageCount)
      #expect(part.leafCounts.reduce(0, +) == leafCount)
    }
    #expect(pageCount > 10_000 && manyStretches > 10)
  }

  @Test("64 TiB by four tables are one stretch, and as many probes as there are")
  func hugeAddresses() throws {
    var image = TableImage()
    let tables = (0..<3).map { _ in image.makeTable() }
    for index in 0..<512 {
      if index < 128 { image.set(tables[0] | 7, at: index, of: image.root) }
      image.set(tables[1] | 7, at: index, of: tables[0])
      image.set(tables[2] | 7, at: index, of: tables[1])
      image.set(0x10_0000 + UInt64(index) << 12 | 7, at: index, of: tables[2])
    }
    let (plan, _) = try Self.plan(image)
    #expect(plan.plan.pages.count == 1)
    #expect(plan.plan.probeCount == 6 << 34)
    #expect(plan.leafCounts == [1 << 34])
  }

  @Test("A page of 1 GiB or 2 MiB is all of its 4 KiB, in a file as in an image")
  func largePages() throws {
    for size in [PageSize.size2MiB, .size1GiB] {
      let mapping = Mapping(
        name: "large", linearAddress: LinearAddress(truncating: 1 << 39, width: .bits48),
        byteCount: size.byteCount,
        target: .device(GuestPhysicalAddress(truncating: 4 << 30)),
        properties: PageProperties(rights: [.read]), pageSize: .exactly(size))
      let built = try Verifier.modelOnly.build(
        AddressSpace(memoryByteCount: 4 << 20, mappings: [mapping]), nil)
      let pages = built.plan(.exhaustive).pages.filter { $0.subject == .mapping(0) }
      #expect(pages.map(\.pageCount) == [size.byteCount >> 12])
      #expect(built.plan().pages.filter { $0.subject == .mapping(0) }.count == 3)
      var image = TableImage()
      image.map(1 << 39, to: 4 << 30, [.present], level: Int(size.level.rawValue))
      let (plan, _) = try Self.plan(image)
      #expect(
        Self.planned(plan.plan.pages) == [
          Stretch(first: 1 << 39, pageCount: size.byteCount >> 12)
        ])
    }
  }

  @Test("What is mapped and nobody asked for is planned around what was asked for")
  func unasked() throws {
    let mapping = Mapping(
      name: "page", linearAddress: LinearAddress(truncating: 0x40_1000, width: .bits48),
      byteCount: 4096, properties: PageProperties(rights: [.read]))
    let built = try Verifier.modelOnly.build(
      AddressSpace(memoryByteCount: 4 << 20, mappings: [mapping]), nil)
    let memory = built.memory.view
    let walk = Walk(0x40_1000, cr3: built.cr3, configuration: built.configuration, in: memory)
    let step = try #require(walk.steps.first { $0.level == .pageDirectory })
    // A page of 2 MiB in place of the table, and one beside it.
    for offset in [UInt64(0), 8] {
      memory.storeWord(
        0x20_0000 | 0x87, at: GuestPhysicalAddress(truncating: step.entryAddress.rawValue + offset))
    }
    let plan = built.plan(.exhaustive)
    #expect(
      Self.planned(plan.pages.filter { $0.subject == .unasked }) == [
        Stretch(first: 0x40_0000, pageCount: 1), Stretch(first: 0x40_2000, pageCount: 1022),
      ])
    var every = EveryPageVisitor(
      UnaskedPagePlanner(plan: ProbePlan(), asked: [0x40_1000...0x40_1fff], limit: 1))
    PageTables(cr3: built.cr3, configuration: built.configuration).traverse(
      in: memory, &every)
    let part = every.finished().plan
    #expect(part.pageCount == 1 && part.unplannedCounts == [.unasked: 1022])
  }

  @Test("Another machine's address limit cuts a stretch where it ends")
  func otherMachine() throws {
    var image = TableImage()
    for page in 0..<UInt64(8) { image.map(page << 12, to: 0x10_0000 + page << 12, [.present]) }
    var (plan, memory) = try Self.plan(image)
    let given = ProbePlan(pages: plan.plan.pages)
    plan.take(
      given, cr3: image.root, configuration: try PagingConfiguration(), addressLimit: 0x10_5000,
      in: memory)
    #expect(plan.plan.pages.map(\.pageCount) == [5, 3])
    #expect(plan.plan.pages.map(\.obstacle) == [nil, .noSuchPhysicalAddress])
  }
}
