// What the tests of exhaustive runs prove: small pages, a large one, and a range without any.

import GuestMem
import Inspection
import MMU
import TestImages

@testable import Probe

/// What is proved, as a file asks for it or as an image holds it.
enum ExhaustiveSubject: String, CaseIterable, Sendable {
  case file, image, expected

  static let large: UInt64 = 0x180_0000_0000

  /// Three pages, a page of 2 MiB, and a range that must not be mapped.
  static let space = AddressSpace(
    memoryByteCount: 8 << 20,
    mappings: [
      mapping("small", 0x40_0000, 3 << 12, at: 0x10_0000, .exactly(.size4KiB)),
      mapping("large", large, 2 << 20, at: 0x40_0000, .exactly(.size2MiB)),
      Mapping(
        name: "nothing", linearAddress: LinearAddress(truncating: 0x60_0000, width: .bits48),
        byteCount: 2 << 20, properties: PageProperties(rights: [])),
    ], name: "exhaustive")

  private static func mapping(
    _ name: String, _ linear: UInt64, _ byteCount: UInt64, at physical: UInt64,
    _ size: PageSizeChoice
  ) -> Mapping {
    Mapping(
      name: name, linearAddress: LinearAddress(truncating: linear, width: .bits48),
      byteCount: byteCount, target: .memory(GuestPhysicalAddress(truncating: physical)),
      properties: PageProperties(rights: [.read, .write], isUser: true), pageSize: size)
  }

  static var tables: TableImage {
    var image = TableImage()
    let bits: TableImage.Bits = [.present, .writable, .user, .noExecute]
    for page in 0..<UInt64(3) {
      image.map(0x40_0000 + page << 12, to: 0x10_0000 + page << 12, bits)
    }
    image.map(large, to: 0x40_0000, bits, level: 2)
    return image
  }

  /// The report of a run on machines of `factory`.
  func report(
    _ factory: any MachineFactory, _ profile: MachineProfile, _ options: VerificationOptions
  ) throws -> ProvedReport {
    let verifier = Verifier(factory: factory)
    if self == .file {
      return .file(
        try verifier.verify(
          verifier.build(Self.space, profile), options: options, profile: profile))
    }
    let placements: [UInt64?] = [0x10_0000, 0x40_0000, nil]
    return .image(
      try Self.prove(
        Self.tables, on: verifier, options,
        self == .image ? nil : ImageExpectation(space: Self.space, placements: placements)))
  }

  static func prove(
    _ image: TableImage, on verifier: Verifier, _ options: VerificationOptions,
    _ expectation: ImageExpectation? = nil, width: UInt8 = 46
  ) throws -> ImageReport {
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 8 << 20)
    return try verifier.verify(
      MemoryImage(path: file.path, reading: .raw(base: GuestPhysicalAddress(truncating: 0))),
      ImageQuestion(
        cr3: image.root, configuration: PagingConfiguration(physicalAddressWidth: width),
        settings: ProcessorSettings(), expectation: expectation), options: options)
  }
}
