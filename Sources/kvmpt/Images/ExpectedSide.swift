// ExpectedSide: what a file says that the tables of an image should be.

import GuestMem
import Inspection
import MMU
import Probe

/// The asked side of the proof of an image.
struct ExpectedSide: Sendable {
  let path: String
  let expectation: ImageExpectation
  /// The kind of file and how much is in it.
  let words: String

  /// Reads an address-space file, QEMU's `info tlb` or Linux's ptdump, to be held against `image`.
  static func read(
    path: String, beside image: borrowing OpenedImage
  ) throws(CommandFailure) -> ExpectedSide {
    let rootLevel = image.tables.configuration.rootLevel
    let side = try ComparedSide.of(path)
    if case .listing(let kind, _) = side {
      let ranges = try side.ranges(path: path, pageAttributeTable: image.pat.value) {
        image.tables.neighbour($0, in: image.memory)
      }
      return ExpectedSide(path: path, kind, ranges, rootLevel: rootLevel)
    }
    guard case .addressSpace = side else {
      throw CommandFailure(
        .badInput, "\(quoted(path)) does not say what the tables should be",
        hint: "give an address-space file (.yaml, .yml or .json), QEMU's 'info tlb' or Linux's"
          + " ptdump as text")
    }
    let file = try AddressSpaceFileReader(limits: .ofThisHost()).requireFile(path: path)
    let space = file.addressSpace
    guard space.rootLevel == rootLevel else {
      throw CommandFailure(
        .badInput,
        "\(quoted(path)) is about \(space.rootLevel.rawValue) levels of tables, the image has"
          + " \(rootLevel.rawValue)", hint: "give both the same --levels")
    }
    return ExpectedSide(
      path: path,
      expectation: ImageExpectation(
        space: space,
        placements: space.statedPlacements),
      words: "\(path): an address space of \(counted(space.mappings.count, "mapping"))")
  }

  private init(path: String, expectation: ImageExpectation, words: String) {
    self.path = path
    self.expectation = expectation
    self.words = words
  }

  private init(path: String, _ kind: ListingKind, _ ranges: [AskedRange], rootLevel: Level) {
    let width: LinearAddressWidth = rootLevel == .pageMapLevel5 ? .bits57 : .bits48
    var mappings: [Mapping] = []
    var placements: [UInt64?] = []
    var asked = ranges
    for (index, range) in ranges.enumerated() {
      guard case .mapped(let page) = range.content else { continue }
      var rights: PageRights = [.read]
      if page.isWritable == true { rights.insert(.write) }
      if page.isExecutable == true { rights.insert(.execute) }
      asked[index].mapping = mappings.count
      mappings.append(
        Mapping(
          name: "\(HexadecimalNumber(range.first))",
          linearAddress: LinearAddress(truncating: range.first, width: width),
          byteCount: range.last - range.first &+ 1,
          properties: PageProperties(rights: rights, isUser: page.isUser == true)))
      placements.append(page.physicalAddress)
    }
    self.path = path
    expectation = ImageExpectation(
      space: AddressSpace(rootLevel: rootLevel, memoryByteCount: 0, mappings: mappings),
      placements: placements, basis: .leaf, ranges: asked)
    words =
      "\(path): \(kind.words) (the leaves' own bits), \(counted(mappings.count, "range"))"
  }
}
