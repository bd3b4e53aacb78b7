// The parts of an image's proof: where the agent goes, what is planned, compared, counted and refused.

import CLinux
import Glibc
import GuestMem
import Inspection
import MMU
import TestImages
import Testing

@testable import Probe

@Suite("An image is planned and compared as it is held, and the agent keeps out of the way")
struct ImagePartTests {
  static func root(_ index: Int, _ offset: UInt64 = 0) -> UInt64 {
    LinearAddressWidth.bits48.signExtended(UInt64(index) << 39) | offset
  }

  static func expectation(
    _ mappings: [Mapping], _ placements: [UInt64?]? = nil, _ expectations: [Probe.Expectation] = [],
    ranges: [AskedRange]? = nil
  ) -> ImageExpectation {
    ImageExpectation(
      space: AddressSpace(memoryByteCount: 0, mappings: mappings, expectations: expectations),
      placements: placements ?? mappings.map { _ in nil }, ranges: ranges)
  }

  @Test("the agent's root entry is beside none that is used, as long as there is such a one")
  func agentApart() throws {
    for (used, expected) in [
      ([0], 255), ([255], 253), ([254], 252), ([253], 255), ([252, 254], 250), ([256], 255),
      ([250, 252, 254], 248), (Array(stride(from: 0, to: 256, by: 2)), 511),
      (Array(stride(from: 1, to: 256, by: 2)), 511),
      (Array(0..<256) + Array(stride(from: 257, to: 512, by: 2)), 510),
    ] as [([Int], Int)] {
      var image = TableImage()
      for index in used { image.set(1 << 51 | 1, at: index, of: image.root) }
      let report = try PaperProofTests.report(image)
      #expect(report.agentRootIndex == expected, "\(used)")
    }
    // The upper half is not beside the lower one, though its number is the next one.
    var image = TableImage()
    for index in Array(0..<255) + Array(256..<512) {
      image.set(1 << 51 | 1, at: index, of: image.root)
    }
    #expect(try PaperProofTests.report(image).agentRootIndex == 255)
    image.set(1 << 51 | 1, at: 255, of: image.root)
    for index in [0, 100, 256, 511] {
      var other = image
      other.set(2, at: index, of: image.root)
      #expect(try PaperProofTests.report(other).agentRootIndex == index)
    }
    #expect(try PaperProofTests.report(image).agentRootIndex == nil)
  }

  @Test("where something is expected the agent is not, at either end of it")
  func agentAndExpectations() throws {
    var image = TableImage()
    image.map(Self.root(3), to: 0x10_0000, [.present])
    func index(_ expectation: ImageExpectation) throws -> Int? {
      try PaperProofTests.report(image, expectation: expectation).agentRootIndex
    }
    let page = PaperProofTests.mapping("page", Self.root(255, 0x1000), 4096, [.read])
    #expect(try index(Self.expectation([page])) == 254)
    let long = PaperProofTests.mapping("long", Self.root(254), 1 << 40, [])
    #expect(try index(Self.expectation([long])) == 253)
    let expected = [255, 253].map {
      Probe.Expectation(
        linearAddress: Self.root($0, 0x5000), access: .read, privilege: .user,
        outcome: .fault(errorCode: nil))
    }
    #expect(try index(Self.expectation([], nil, expected)) == 254)
    #expect(try index(Self.expectation([])) == 255)
    let indices = Self.expectation([page, long], nil, expected).rootIndices(of: .pageMapLevel4)
    #expect(indices == [253, 254, 255])
    let upper = PaperProofTests.mapping("upper", Self.root(511, 0x3000), 4096, [.read])
    #expect(Self.expectation([upper]).rootIndices(of: .pageMapLevel4) == [511])
    #expect(Self.expectation([page]).rootIndices(of: .pageMapLevel5) == [0])
  }

  @Test(
    "what is expected and not mapped is planned at its ends, and at those of each stretch of it")
  func expectedAndUnmapped() throws {
    var image = TableImage()
    for page in [0, 1, 6, 7] as [UInt64] {
      image.map(0x40_0000 + page << 12, to: 0x10_0000 + page << 12, [.present])
    }
    func planned(_ first: UInt64, _ byteCount: UInt64) throws -> [UInt64] {
      var (plan, memory) = try CoverageTests.plan(image, byteCount: 4 << 20)
      let before = plan.plan.pages.count
      plan.add(
        Self.expectation([PaperProofTests.mapping("wanted", first, byteCount, [.read])]),
        cr3: image.root, configuration: try PagingConfiguration(), in: memory)
      let added = plan.plan.pages.dropFirst(before)
      #expect(added.allSatisfy { $0.subject == .mapping(0) && $0.manners == .all })
      return added.map(\.linearAddress).sorted()
    }
    // All of it; both ends are mapped, so that the hole's ends are planned.
    #expect(try planned(0x40_0000, 0x8000) == [0x40_2000, 0x40_5000])
    // From inside the hole on, and up to inside of it.
    #expect(try planned(0x40_3000, 0x5000) == [0x40_3000, 0x40_5000])
    #expect(try planned(0x40_0000, 0x4000) == [0x40_2000, 0x40_3000])
    #expect(try planned(0x40_3000, 0x1000) == [0x40_3000])
    #expect(try planned(0x40_3000, 0x2000) == [0x40_3000, 0x40_4000])
    #expect(try planned(0x40_0000, 0x2000) == [])
    // Where there is no table at all.
    #expect(try planned(0x7000_0000, 0x3000) == [0x7000_0000, 0x7000_2000])
    #expect(
      try planned(0xffff_ffff_ffff_e000, 0x2000) == [0xffff_ffff_ffff_e000, 0xffff_ffff_ffff_f000])
  }

  @Test("shared tables that make few leaves are gone through at every address, others once")
  func expansion() throws {
    // Two entries of a directory lead to one table of three pages.
    var image = TableImage()
    for page in 0..<UInt64(3) { image.map(page << 12, to: 0x10_0000, [.present]) }
    let pointers = try #require(image.tables[image.root]?[0]) & ~0xfff
    let directory = try #require(image.tables[pointers]?[0]) & ~0xfff
    image.set(try #require(image.tables[directory]?[0]), at: 1, of: directory)
    for limit in [0, 5, 6, 7] as [UInt64] {
      let (plan, _) = try CoverageTests.plan(image, byteCount: 4 << 20, expansionLimit: limit)
      let isExpanded = limit >= 6
      #expect(plan.leafCounts == (isExpanded ? [6] : [3, 1]))
      #expect(plan.sharedByteCount == (isExpanded ? 0 : 2 << 20))
      #expect(plan.plan.pages.count == (isExpanded ? 6 : 4))
      #expect((plan.kinds.last?.pageSize == nil) == !isExpanded)
    }
  }

  @Test("links to tables that are probed elsewhere are a kind that says nothing of pages")
  func sharedKind() {
    #expect(PageKind.shared.pageSize == nil && !PageKind.shared.hasMemory)
    #expect(PageKind.shared.supervisor.isEmpty && PageKind.shared.user.isEmpty)
  }

  @Test("pages that do not fit into the plan are counted one by one, by what they are about")
  func beyondPlan() throws {
    var image = TableImage()
    for page in 0..<UInt64(40) { image.map(page << 12, to: 0x10_0000, [.present]) }
    for limit in [0, 1, 39, 40] {
      let (plan, _) = try CoverageTests.plan(image, byteCount: 4 << 20, pageLimit: limit)
      #expect(plan.plan.pages.count == limit)
      #expect(plan.unplannedCounts == (limit == 40 ? [:] : [.kind(0): 40 - limit]))
    }
  }

  @Test("what a source leaves unsaid is compared nowhere, though a mapping stands for it")
  func ranges() throws {
    var image = TableImage()
    image.map(0x40_0000, to: 0x10_0000, [.present])
    let page = PaperProofTests.mapping("page", 0x40_0000, 4096, [.read, .write])
    func comparison(_ ranges: [AskedRange]?) throws -> RangeComparison {
      try #require(
        try PaperProofTests.report(image, expectation: Self.expectation([page], ranges: ranges))
          .comparison)
    }
    #expect(try comparison(nil).differences.map(\.kind) == [.different])
    let unsaid = AskedRange(first: 0x40_0000, last: 0x40_0fff, content: .unsaid, mapping: 0)
    #expect(try comparison([unsaid]).isAgreement)
    var absent = unsaid
    absent.content = .absent
    #expect(try comparison([absent]).differences.map(\.kind) == [.mustNotBeMapped])
    #expect(try comparison([]).differences.map(\.kind) == [.notAsked])
  }

  @Test("a report about an image of which nobody expects anything has a space without anything")
  func nothingExpected() throws {
    var image = TableImage()
    image.map(0x40_0000, to: 0x10_0000, [.present])
    let report = try PaperProofTests.report(image)
    #expect(report.space.memoryByteCount == 0 && report.space.mappings.isEmpty)
    #expect(report.space.expectations.isEmpty && report.comparison == nil)
  }

  @Test(
    "a table of which the image holds a part is compared as the machine gets it: zeros elsewhere")
  func partOfTable() throws {
    var image = TableImage()
    let address: UInt64 = 0x40_0000 + 300 << 12
    image.map(address, to: 0x1000, [.present, .writable, .noExecute])
    let table = image.nextTable - 4096
    let file = ImageFile()
    // The core ends with the second half of the last table.
    try image.writeCore(to: file.path, ranges: [0..<table, table + 0x800..<table + 0x1000])
    let words = try #require(image.tables[table])[256...]
    var bytes: [UInt8] = []
    for word in words {
      for byte in 0..<UInt64(8) { bytes.append(UInt8(truncatingIfNeeded: word >> (byte * 8))) }
    }
    // SAFETY: Swift passes strings and buffers that live for the calls.
    let descriptor = unsafe open(file.path, O_RDWR)
    try #require(descriptor >= 0)
    let end = lseek(descriptor, 0, SEEK_END)
    // SAFETY: as above.
    let count = unsafe bytes.withUnsafeBytes {
      unsafe pwrite(descriptor, $0.baseAddress, $0.count, end - 0x800)
    }
    close(descriptor)
    try #require(count == 0x800)
    let page = PaperProofTests.mapping("page", address, 4096, [.read, .write])
    let report = try Verifier(factory: PaperFactory()).verify(
      try MemoryImage(path: file.path),
      ImageQuestion(
        cr3: image.root, configuration: try PagingConfiguration(physicalAddressWidth: 46),
        settings: ProcessorSettings(),
        expectation: Self.expectation([page], [0x1000])))
    #expect(report.comparison?.isAgreement == true, "\(String(describing: report.comparison))")
    #expect(report.tallies[.kind(0)]?.executedCount == 6)
  }

  @Test("an image in 32,000 ranges is proved, and one in more is refused with their number")
  func manyRanges() throws {
    var image = TableImage()
    image.map(0x40_0000, to: 0x10_0000, [.present])
    for count in [32_000, 32_001] {
      let file = ImageFile()
      var ranges: [Range<UInt64>] = [0..<0x1_0000]
      for number in 1..<UInt64(count) {
        let start = (number + 16) << 13
        ranges.append(start..<start + 4096)
      }
      try image.writeCore(to: file.path, ranges: ranges)
      let memory = try MemoryImage(path: file.path)
      let question = ImageQuestion(
        cr3: image.root, configuration: try PagingConfiguration(physicalAddressWidth: 46),
        settings: ProcessorSettings())
      if count == 32_000 {
        let report = try Verifier.modelOnly.verify(memory, question)
        #expect(report.memoryRanges.count == 32_000 && report.tallies[.kind(0)]?.probeCount == 6)
      } else {
        #expect(throws: ImageProofError.tooManyRanges(32_001)) {
          try Verifier.modelOnly.verify(memory, question)
        }
      }
    }
  }
}
