// SampleSpaces: small address spaces that several tests use.

import GuestMem
import MMU
import Probe

enum SampleSpaces {
  /// Every size of page and every combination of rights, in both halves.
  static let everySizeAndRight: AddressSpace = {
    var mappings: [Mapping] = []
    let rights: [PageRights] = [
      [.read], [.read, .write], [.read, .execute], [.read, .write, .execute],
    ]
    for (index, right) in rights.enumerated() {
      for isUser in [false, true] {
        let slot = UInt64(index * 2 + (isUser ? 1 : 0))
        mappings.append(
          mapping(
            "4 KiB \(slot)",
            isUser ? 0x40_0000 + slot * 0x2000 : 0xffff_ffff_8000_0000 + slot * 0x2000,
            4096, .anywhere, right, isUser: isUser, .size4KiB))
        mappings.append(
          mapping(
            "2 MiB \(slot)", 0x4000_0000 + slot * 0x40_0000, 2 << 20, .anywhere, right,
            isUser: isUser, .size2MiB))
      }
    }
    mappings.append(
      mapping(
        "1 GiB", 0x80_0000_0000, 1 << 30, .device(GuestPhysicalAddress(truncating: 1 << 30)),
        [.read, .write], isUser: true, .size1GiB))
    return AddressSpace(memoryByteCount: 32 << 20, mappings: mappings, name: "every size and right")
  }()

  static func mapping(
    _ name: String, _ address: UInt64, _ byteCount: UInt64, _ target: MappingTarget,
    _ rights: PageRights, isUser: Bool, _ size: PageSize
  ) -> Mapping {
    Mapping(
      name: name, linearAddress: LinearAddress(truncating: address, width: .bits48),
      byteCount: byteCount, target: target,
      properties: PageProperties(rights: rights, isUser: isUser), pageSize: .exactly(size))
  }
}
