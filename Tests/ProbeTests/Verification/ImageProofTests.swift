// Tables that somebody else's code built, proved as they stand in an image.

import GuestMem
import Inspection
import MMU
import Probe
import TestHosts
import TestImages
import TestSupport
import Testing

@Suite("The tables of an image are proved as they are", .enabled(if: Host.hasKVM, "needs /dev/kvm"))
struct ImageProofTests {
  /// The report about `image` as raw memory of `byteCount` bytes.
  static func report(
    _ image: TableImage, byteCount: UInt64, base: UInt64 = 0, expectation: ImageExpectation? = nil
  ) throws -> ImageReport {
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: byteCount, base: base)
    return try report(file, image, reading: .raw(base: GuestPhysicalAddress(base)), expectation)
  }

  static func report(
    _ file: ImageFile, _ image: TableImage, reading: MemoryImage.Reading = .automatic,
    _ expectation: ImageExpectation? = nil
  ) throws -> ImageReport {
    let memory = try MemoryImage(path: file.path, reading: reading)
    let configuration = try PagingConfiguration(
      rootLevel: image.rootLevel == 5 ? .pageMapLevel5 : .pageMapLevel4, physicalAddressWidth: 52)
    return try Verifier().verify(
      memory,
      ImageQuestion(
        cr3: image.root, configuration: configuration, settings: ProcessorSettings(),
        expectation: expectation))
  }

  @Test("Every leaf is used in all six ways, and the file is not changed")
  func everyLeaf() throws {
    var image = TableImage()
    for page in 0..<UInt64(40) {
      image.map(0x40_0000 + page << 12, to: 0x10_0000 + page << 12, [.present, .writable, .user])
      image.map(0xffff_ffff_8000_0000 + page << 12, to: 0x10_0000 + page << 12, [.present])
    }
    image.map(0x8000_0000, to: 0x20_0000, [.present, .writable, .noExecute], level: 2)
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 8 << 20)
    let before = try #require(file.bytes())
    let report = try Self.report(file, image)
    #expect(report.isAgreement)
    #expect(report.leafCounts.reduce(0, +) == 81)
    // 80 pages of 4 KiB and three of the large one, and at most two gaps for each of three runs.
    #expect(report.total.executedCount >= 83 * 6)
    #expect(report.total.executedCount == report.total.probeCount)
    #expect(report.expectation == nil)
    #expect(try #require(file.bytes()) == before)
  }

  @Test("Where the image has no memory, the physical address comes back from an exit")
  func absentMemory() throws {
    var image = TableImage()
    image.map(0x40_0000, to: 0x7_0000_0000, [.present, .writable, .user])
    image.map(0x40_1000, to: 0xfee0_0000, [.present, .user, .noExecute])
    let report = try Self.report(image, byteCount: 1 << 20)
    #expect(report.agrees(but: ["fetch-without-memory"]) && !report.isAgreement)
    #expect(report.kinds.allSatisfy { !$0.hasMemory })
    // A fetch where no memory is would end the guest: it is said, not passed.
    #expect(report.total.notRun[.fetchWithoutMemory] == 2)
  }

  @Test("A table that is mapped is neither stamped nor lost, through whatever entry it is reached")
  func recursiveEntry() throws {
    var image = TableImage()
    image.map(0x40_0000, to: 0x10_0000, [.present, .writable, .user])
    image.set(image.root | 3, at: 300, of: image.root)
    let report = try Self.report(image, byteCount: 2 << 20)
    #expect(report.isAgreement)
    // The four tables and the page are mapped again as pages by the recursive entry.
    #expect(report.leafCounts.reduce(0, +) > 4)
    #expect(report.total.executedCount > 60)
  }

  @Test("Loops, garbage and entries to nowhere end, and agree")
  func garbage() throws {
    var random = SeededGenerator(seed: 7)
    for _ in 0..<4 {
      var image = TableImage()
      for table in [image.root, image.makeTable(), image.makeTable(), image.makeTable()] {
        for _ in 0..<24 {
          let word = random.next()
          let target = UInt64.random(in: 0..<8, using: &random) << 12
          image.set(
            word & 1 == 0 ? word : word & 0x8000_0000_0000_0fff | target,
            at: Int.random(in: 0..<512, using: &random), of: table)
        }
      }
      let report = try Self.report(image, byteCount: 0x8000)
      #expect(
        report.agrees(but: lacksOfMachines.union(["fetch-without-memory", "reaches-agent"])),
        "\(report.unproved) \(report.disagreements.prefix(3))")
    }
  }

  @Test("A terabyte by shared tables is probed once per leaf and once per link")
  func sharedTables() throws {
    var image = TableImage()
    let tables = (0..<3).map { _ in image.makeTable() }
    for index in 0..<512 {
      if index < 2 { image.set(tables[0] | 7, at: index, of: image.root) }
      image.set(tables[1] | 7, at: index, of: tables[0])
      image.set(tables[2] | 7, at: index, of: tables[1])
      if index % 4 == 0 { image.set(0x10_0000 + UInt64(index) << 12 | 7, at: index, of: tables[2]) }
    }
    let report = try Self.report(image, byteCount: 4 << 20)
    #expect(report.isAgreement)
    #expect(report.sharedByteCount == 1 << 40 - 1 << 21)
    #expect(report.tableCount == 4)
    // 128 leaves, and 511 + 511 + 1 links to tables that were gone through before.
    #expect(report.tallies[.kind(0)]?.executedCount == 128 * 6)
    #expect(report.leafCounts == [128, 1023])
    #expect(report.tallies[.kind(1)]?.executedCount == 1023 * 6)
    #expect(report.total.coveredCount == (128 * 512 * 512 * 2 - 128 - 1023) * 6)
  }

  @Test("Without a free root entry nothing runs, and the reason is given")
  func noFreeRootEntry() throws {
    var image = TableImage()
    image.map(0x40_0000, to: 0x10_0000, [.present])
    let table = try #require(image.tables[image.root]?[0])
    for index in 0..<512 { image.set(table, at: index, of: image.root) }
    let report = try Self.report(image, byteCount: 1 << 20)
    #expect(report.total.executedCount == 0)
    #expect(report.total.probeCount >= 512 * 6)
    #expect(report.total.notRun[.noFreeRootEntry] == report.total.probeCount)
    #expect(report.agentRootIndex == nil)
  }

  @Test("Memory that starts high and ends in the middle of a page is where it should be")
  func highMemory() throws {
    let base: UInt64 = 3 << 40
    var image = TableImage(root: base + 0x1000)
    image.map(0x40_0000, to: base + 0x10_0000, [.present, .writable, .user])
    image.map(0x40_1000, to: base + 0x1f_f000, [.present, .writable, .user])
    let report = try Self.report(image, byteCount: 0x1f_f800, base: base)
    #expect(report.isAgreement)
    #expect(report.memoryRanges.count == 1)
    #expect(report.kinds.map(\.hasMemory) == [true])
  }

  @Test("A core with holes has a slot for each range, wherever its bytes stand in the file")
  func holes() throws {
    var image = TableImage()
    let ranges = (0..<24).map { UInt64($0) * 0x20_0000..<UInt64($0) * 0x20_0000 + 0x10_0000 }
    for (index, range) in ranges.enumerated() {
      image.map(
        0x40_0000 + UInt64(index) << 12, to: range.upperBound - 0x1000,
        [.present, .writable, .user])
      image.map(
        0x80_0000 + UInt64(index) << 12, to: range.upperBound, [.present, .writable, .noExecute])
    }
    let file = ImageFile()
    try image.writeCore(to: file.path, ranges: ranges)
    let report = try Self.report(file, image)
    #expect(report.isAgreement)
    #expect(report.memoryRanges.count == 24)
    #expect(report.leafCounts == [24, 24])
    #expect(report.kinds.map(\.hasMemory) == [true, false])
  }

  @Test("What the machine lacks is left out with its reason, and the rest is proved")
  func lacking() throws {
    var image = TableImage()
    image.map(0x40_0000, to: 0x10_0000, [.present, .writable, .user])
    image.map(0x8000_0000, to: 0x4000_0000, [.present, .writable, .user, .noExecute], level: 3)
    image.map(0x41_0000, to: 1 << 51, [.present, .user, .noExecute])
    let report = try Self.report(image, byteCount: 2 << 20)
    #expect(report.agrees(but: ["no-1gib-pages", "no-such-physical-address"]))
    let profile = try #require(report.profile)
    let hasLargePages = profile.features.contains(.oneGiBPages)
    #expect(report.total.notRun[.no1GiBPages] == (hasLargePages ? nil : 18))
    #expect(
      report.total.notRun[.noSuchPhysicalAddress] == (profile.physicalAddressWidth > 51 ? nil : 6))
    #expect(report.tallies[.kind(0)]?.executedCount == 6)
  }

  @Test("Tables of five levels are proved, or left out where the machine has none")
  func fiveLevels() throws {
    var image = TableImage(levels: 5)
    image.map(0x40_0000, to: 0x10_0000, [.present, .writable, .user])
    image.map(0xff00_0000_0040_0000, to: 0x10_1000, [.present, .writable])
    let report = try Self.report(image, byteCount: 2 << 20)
    #expect(report.agrees(but: ["no-5-level-paging"]))
    #expect(report.isAgreement == (report.total.executedCount > 0))
    if report.total.executedCount == 0 {
      #expect(report.total.notRun[.no5LevelPaging] == report.total.probeCount)
    } else {
      #expect(report.total.notRun.isEmpty)
    }
  }

  @Test("Keys that PKRU forbids nothing by are left off where the machine has none, and said")
  func protectionKeys() throws {
    var image = TableImage()
    image.map(0x40_0000, to: 0x10_0000 | 5 << 59, [.present, .writable, .user])
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 2 << 20)
    func report(_ pkru: UInt32) throws -> ImageReport {
      var settings = ProcessorSettings()
      settings.isPKEEnabled = true
      settings.pkru = pkru
      return try Verifier().verify(
        try MemoryImage(path: file.path),
        ImageQuestion(
          cr3: image.root, configuration: try PagingConfiguration(), settings: settings))
    }
    let harmless = try report(0)
    #expect(harmless.isAgreement && harmless.total.executedCount > 0)
    let hasKeys = try #require(harmless.profile).features.contains(.protectionKeys)
    #expect(harmless.omittedFeatures == (hasKeys ? [] : [.protectionKeys]))
    let strict = try report(0x5555_5554)
    #expect(strict.omittedFeatures.isEmpty)
    #expect((strict.total.executedCount > 0) == hasKeys)
  }

  @Test("What was meant is compared with what the tables say and with what the machine does")
  func expectation() throws {
    var image = TableImage()
    image.map(0x40_0000, to: 0x10_0000, [.present, .writable, .user])
    image.map(0x40_1000, to: 0x10_1000, [.present, .user])
    func mapping(_ name: String, _ address: UInt64, _ rights: PageRights) throws -> Mapping {
      Mapping(
        name: name, linearAddress: try LinearAddress(address, width: .bits48), byteCount: 4096,
        properties: PageProperties(rights: rights, isUser: true))
    }
    var mappings = [
      try mapping("data", 0x40_0000, [.read, .write, .execute]),
      try mapping("constants", 0x40_1000, [.read, .execute]),
    ]
    func report() throws -> ImageReport {
      try Self.report(
        image, byteCount: 2 << 20,
        expectation: ImageExpectation(
          space: AddressSpace(memoryByteCount: 0, mappings: mappings),
          placements: mappings.map { $0.name == "data" ? 0x10_0000 : nil }))
    }
    #expect(try report().isAgreement)
    mappings.append(try mapping("missing", 0x40_2000, [.read]))
    let missing = try report()
    #expect(missing.tallies[.mapping(2)]?.disagreementCount ?? 0 > 0)
    mappings[2] = try mapping("must not be", 0x40_2000, [])
    #expect(try report().isAgreement)
    mappings[0].properties.rights = [.read]
    let tooMuch = try report()
    #expect(tooMuch.disagreements.allSatisfy { $0.verdict.page.linearAddress == 0x40_0000 })
    // Writes and fetches, at both privileges.
    #expect(tooMuch.total.disagreementCount == 4)
  }
}
