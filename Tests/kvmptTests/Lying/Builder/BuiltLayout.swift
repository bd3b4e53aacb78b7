// BuiltLayout: the address space about whose tables builders lie, as it is asked for.

import GuestMem
import MMU

@testable import Probe

/// Small pages, a large one, and one of the kernel's.
enum BuiltLayout {
  static let byteCount: UInt64 = 16 << 20
  static let data: UInt64 = 0x40_0000
  static let large: UInt64 = 0x80_0000
  /// A frame that nothing is mapped to.
  static let unusedFrame: UInt64 = 0x30_8000
  /// What the pages lead to.
  static let frames: [Range<UInt64>] = [0x30_0000..<0x31_0000, 0x60_0000..<0x80_0000]

  /// What is asked for; in a clone nobody may write, and software's bit 3 says who could.
  static func mappings(ofClone isClone: Bool = false) -> [Mapping] {
    func mapping(
      _ name: String, _ linear: UInt64, _ byteCount: UInt64, to physical: UInt64,
      _ rights: PageRights, isUser: Bool = true, _ size: PageSize = .size4KiB
    ) -> Mapping {
      var rights = rights
      var software: UInt16 = 1
      if isClone, rights.remove(.write) != nil { software |= 8 }
      return Mapping(
        name: name, linearAddress: LinearAddress(truncating: linear, width: .bits48),
        byteCount: byteCount, target: .memory(GuestPhysicalAddress(truncating: physical)),
        properties: PageProperties(
          rights: rights, isUser: isUser, isGlobal: true, softwareBits: software),
        pageSize: .exactly(size))
    }
    return [
      mapping("data", data, 0x2000, to: 0x30_0000, [.read, .write]),
      mapping("code", data + 0x3000, 0x1000, to: 0x30_4000, [.read, .execute]),
      mapping("large", large, 2 << 20, to: 0x60_0000, [.read, .write], .size2MiB),
      mapping(
        "kernel", 0x100_0000_0000, 0x1000, to: 0x30_5000, [.read, .write], isUser: false),
    ]
  }

  /// What a firmware has mapped before: the first 2 MiB, for the kernel.
  static let firmware = Mapping(
    name: "firmware", linearAddress: LinearAddress(truncating: 0, width: .bits48),
    byteCount: 2 << 20, target: .memory(GuestPhysicalAddress(truncating: 0)),
    properties: PageProperties(rights: [.read, .write, .execute]),
    pageSize: .exactly(.size2MiB))

  static func space(_ mappings: [Mapping]) -> AddressSpace {
    AddressSpace(memoryByteCount: byteCount, mappings: mappings, name: "built")
  }

  static func configuration() throws -> PagingConfiguration {
    try PagingConfiguration(physicalAddressWidth: 46)
  }

  /// A machine of so many physical-address bits, which builders write for.
  static let machine: MachineProfile = {
    var machine = MachineProfile.anyMachine
    machine.physicalAddressWidth = 46
    return machine
  }()

  /// The properties of `mapping` and where it goes, for whoever builds by hand.
  static func target(of mapping: Mapping) -> GuestPhysicalAddress {
    if case .memory(let address) = mapping.target { return address }
    return GuestPhysicalAddress(truncating: 0)
  }
}
