// What is asked for below a recursive slot, held against what the model finds in the tables.

import GuestMem
import Lies
import MMU
import TestSupport
import Testing

@testable import Probe

/// The leaves in a range, as the model sees them.
private struct LeavesOf: TableVisitor {
  let range: ClosedRange<UInt64>
  var pages: [MappedRun] = []

  mutating func visit(_ table: TableVisit) -> TraversalDecision { .enter }

  mutating func visit(_ entry: EntryVisit, in table: TableVisit) -> TraversalDecision {
    if table.parent == nil && entry.linearAddress != range.lowerBound { return .skip }
    guard case .page(let size) = entry.kind else { return .enter }
    pages.append(MappedRun(entry, size, inherited: table.inherited))
    return .skip
  }
}

@Suite("What a recursive slot should show follows from the mappings, as the tables show it")
struct AskedRecursionTests {
  /// Everything that the slot shows, and pages where nothing is, by both.
  static func compare(_ space: AddressSpace, has1GiBPages: Bool = true) throws -> Int {
    var configuration = try PagingConfiguration(
      rootLevel: space.rootLevel, physicalAddressWidth: 48,
      isNoExecuteEnabled: space.processor.isNoExecuteEnabled)
    configuration.supports1GiBPages = has1GiBPages
    let built = try BuiltAddressSpace(space, configuration: configuration)
    // A mapping of exactly 1 GiB has such pages all the same.
    configuration.supports1GiBPages = true
    let asked = built.askedRecursion
    let recursion = try #require(asked)
    var visitor = LeavesOf(range: recursion.range)
    PageTables(cr3: built.cr3, configuration: configuration).traverse(
      in: built.memory.view, &visitor)
    let found = visitor.pages.map { $0.linearAddress...$0.lastAddress }
    let shown = recursion.pages()
    #expect(shown == found, "\(space.name)")
    for page in visitor.pages {
      for offset in Set([0, page.byteCount / 2 & ~0xfff, page.byteCount - 0x1000]) {
        let content = recursion.content(at: page.linearAddress + offset)
        guard case .page(let address, let properties) = content else {
          Issue.record("\(space.name): \(page) is \(content)")
          continue
        }
        #expect(address == page.physicalAddress.rawValue + offset)
        #expect(properties.rights.contains(.write) == page.isWritable)
        #expect(properties.rights.contains(.execute) == page.isExecutable)
        #expect(!properties.isUser && !page.isUser)
      }
    }
    var generator = SeededGenerator(seed: 1)
    for index in 0..<2000 {
      var address = recursion.range.lowerBound + generator.below(space.rootLevel.span)
      // Half of them beside what is there.
      if index % 2 == 0, let page = shown.randomElement(using: &generator) {
        address = page.lowerBound &+ (generator.below(9) &- 4) &* 0x1000
      }
      guard recursion.range.contains(address) else { continue }
      let walk = Walk(
        address, cr3: built.cr3, configuration: configuration, in: built.memory.view)
      switch (recursion.content(at: address), walk.end) {
      case (.absent, .notPresent): break
      case (.page(let page?, _), .page(let translation)):
        #expect(page == translation.physicalAddress.rawValue & ~0xfff)
      default: Issue.record("\(space.name): \(address)")
      }
    }
    return shown.count
  }

  @Test("Random spaces with each of several slots, and machines with and without 1 GiB pages")
  func randomSpaces() throws {
    var shownCount = 0
    for seed in UInt64(0)..<60 {
      var space = RandomSpaces.space(seed: seed, features: Set(MachineFeature.allCases))
      let level = space.rootLevel
      let used = Set(
        space.mappings.flatMap { mapping -> [Int] in
          let shift = level.indexShift
          return [
            Int(mapping.linearAddress.rawValue >> shift & 511),
            Int(mapping.lastAddress >> shift & 511),
          ]
        })
      for index in [0, 1, 255, 256, 400, 510, 511] where !used.contains(index) {
        space.recursiveSlot = RecursiveSlot(
          index: index, rights: seed % 2 == 0 ? [.read, .write] : [.read, .execute])
        if !space.processor.isNoExecuteEnabled {
          space.recursiveSlot?.rights.insert(.execute)
        }
        space.name = "seed \(seed), slot \(index)"
        guard space.check().isEmpty else { continue }
        shownCount += try Self.compare(space, has1GiBPages: seed % 3 != 0)
      }
    }
    #expect(shownCount > 2000)
  }

  static func space(
    _ mappings: [Mapping], level: Level = .pageMapLevel4, slot: Int = 510
  ) -> AddressSpace {
    var space = AddressSpace(rootLevel: level, memoryByteCount: 16 << 20, mappings: mappings)
    space.recursiveSlot = RecursiveSlot(index: slot)
    return space
  }

  static func mapping(
    _ linear: UInt64, _ byteCount: UInt64, _ type: MemoryType = .writeBack,
    rights: PageRights = [.read, .write], pages: PageSizeChoice = .largest,
    width: LinearAddressWidth = .bits48
  ) -> Mapping {
    Mapping(
      name: "\(linear)", linearAddress: LinearAddress(truncating: linear, width: width),
      byteCount: byteCount,
      target: .device(GuestPhysicalAddress(truncating: 1 << 40 | linear & 0x7f_ffff_ffff)),
      properties: PageProperties(rights: rights, memoryType: type), pageSize: pages)
  }

  @Test("Each memory type of each size, with 4 and 5 levels", arguments: MemoryType.allCases)
  func types(_ type: MemoryType) throws {
    let formats: [(Level, LinearAddressWidth)] = [
      (.pageMapLevel4, .bits48), (.pageMapLevel5, .bits57),
    ]
    for (level, width) in formats {
      for size in PageSize.allCases {
        for linear in [0x4000_0000, 0x80_0000_0000 as UInt64] {
          let mapping = Self.mapping(
            linear, 2 * size.byteCount, type, rights: [.read, .execute], pages: .exactly(size),
            width: width)
          #expect(try Self.compare(Self.space([mapping], level: level)) > 3)
        }
      }
    }
  }

  @Test("Mappings that share tables, and begin and end inside of large pages")
  func edges() throws {
    let unmapped = Self.mapping(0x60_0000, 0x20_0000, rights: [])
    var absent = unmapped
    absent.target = .anywhere
    let cases: [[Mapping]] = [
      [], [absent],
      [
        Self.mapping(0x1f_f000, 0x20_2000), absent, Self.mapping(0x80_0000, 0x1000),
        Self.mapping(0x80_1000, 0x1000, rights: [.read]),
      ],
      [Self.mapping(0x3fff_f000, 0x4000_2000), Self.mapping(0x8000_1000, 0x1000)],
      [Self.mapping(0x7f_c000_0000, 0x8000_0000)],
      [Self.mapping(0xffff_ffff_ffff_f000, 0x1000), Self.mapping(0, 0x1000)],
    ]
    for mappings in cases {
      for slot in [2, 300] { _ = try Self.compare(Self.space(mappings, slot: slot)) }
      _ = try Self.compare(Self.space(mappings, slot: 200), has1GiBPages: false)
    }
  }

  @Test("Of an image the root alone is known")
  func image() {
    let recursion = AskedRecursion(
      RecursiveSlot(index: 510), rootLevel: .pageMapLevel4, root: 0x5000)
    let rights = PageProperties(rights: [.read, .write])
    #expect(recursion.content(at: 0xffff_ff7f_bfdf_e000) == .page(0x5000, rights))
    #expect(recursion.content(at: 0xffff_ff7f_bfdf_d000) == .unsaid)
    #expect(recursion.content(at: 0xffff_ff00_0000_0000) == .unsaid)
  }
}
