// ExpectedSide: what a file says that the tables of an image should be.

import GuestMem
import MMU
import Probe

/// The asked side of the proof of an image.
struct ExpectedSide: Sendable {
  let path: String
  let expectation: ImageExpectation
  /// The kind of file and how much is in it.
  let words: String

  /// Reads an address-space file, QEMU's `info tlb` or Linux's ptdump.
  static func read(path: String, rootLevel: Level) throws(CommandFailure) -> ExpectedSide {
    if let listing = try ComparedSide.text(of: path) {
      return ExpectedSide(path: path, listing: listing, rootLevel: rootLevel)
    }
    guard ComparedSide.isAddressSpace(path) else {
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
        placements: space.mappings.map { mapping in
          switch mapping.target {
          case .anywhere: nil
          case .memory(let address), .device(let address): address.rawValue
          }
        }),
      words: "\(path): an address space of \(counted(space.mappings.count, "mapping"))")
  }

  private init(path: String, expectation: ImageExpectation, words: String) {
    self.path = path
    self.expectation = expectation
    self.words = words
  }

  private init(path: String, listing: ListingText, rootLevel: Level) {
    let width: LinearAddressWidth = rootLevel == .pageMapLevel5 ? .bits57 : .bits48
    let mappings = listing.stretches.map { stretch in
      var rights: PageRights = [.read]
      if stretch.isWritable { rights.insert(.write) }
      if stretch.isExecutable { rights.insert(.execute) }
      return Mapping(
        name: "\(HexadecimalNumber(stretch.first))",
        linearAddress: LinearAddress(truncating: stretch.first, width: width),
        byteCount: stretch.last - stretch.first &+ 1,
        properties: PageProperties(
          rights: rights, isUser: stretch.isUser, protectionKey: stretch.key ?? 0))
    }
    let isLeaf = listing.basis == .leaf
    self.path = path
    expectation = ImageExpectation(
      space: AddressSpace(rootLevel: rootLevel, memoryByteCount: 0, mappings: mappings),
      placements: listing.stretches.map(\.physical), basis: isLeaf ? .leaf : .effective,
      ranges: listing.stretches.enumerated().map { index, stretch in
        AskedRange(stretch, isLeaf ? .leaf : .effective, mapping: index)
      })
    words =
      "\(path): \(isLeaf ? "QEMU's info tlb (the leaves' own bits)" : "Linux's ptdump"),"
      + " \(counted(mappings.count, "range"))"
  }
}
