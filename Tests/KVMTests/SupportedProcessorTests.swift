// CPUID leaves, bit by bit: what each of them says, and that nothing else says it.

import CKVM
import MMU
import Testing

@testable import KVM

@Suite("What CPUID says about a processor stands in one place each")
struct SupportedProcessorTests {
  /// A leaf: function, index, and EAX, EBX, ECX, EDX.
  private struct Leaf {
    var function: UInt32
    var index: UInt32 = 0
    var registers: [UInt32]
  }

  private static func processor(_ leaves: [Leaf]) -> SupportedProcessor {
    var cpuid = ckvm_cpuid()
    cpuid.count = UInt32(leaves.count)
    for (position, leaf) in leaves.enumerated() {
      var entry = kvm_cpuid_entry2()
      entry.function = leaf.function
      entry.index = leaf.index
      entry.eax = leaf.registers[0]
      entry.ebx = leaf.registers[1]
      entry.ecx = leaf.registers[2]
      entry.edx = leaf.registers[3]
      // SAFETY: the position is below the count, so that the shim answers a pointer into the structure.
      unsafe ckvm_cpuid_entry(&cpuid, UInt32(position))?.pointee = entry
    }
    return SupportedProcessor(cpuid)
  }

  /// Every leaf that is read, and some that are not.
  private static func leaves(_ value: UInt32) -> [Leaf] {
    [(0, 0), (1, 0), (7, 0), (7, 1), (0xd, 0), (0xd, 9), (0x8000_0001, 0), (0x8000_0008, 0)].map {
      Leaf(function: $0, index: $1, registers: Array(repeating: value, count: 4))
    }
  }

  private static let features:
    [(
      name: String, function: UInt32, register: Int, bit: Int,
      read: @Sendable (SupportedProcessor) -> Bool
    )] =
      [
        ("1 GiB pages", 0x8000_0001, 3, 26, { $0.has1GiBPages }),
        ("NX", 0x8000_0001, 3, 20, { $0.hasNoExecute }), ("SMEP", 7, 1, 7, { $0.hasSMEP }),
        ("SMAP", 7, 1, 20, { $0.hasSMAP }), ("PKU", 7, 2, 3, { $0.hasPKU }),
        ("LA57", 7, 2, 16, { $0.hasLA57 }), ("PKS", 7, 2, 31, { $0.hasPKS }),
      ]

  @Test("Each feature is one bit of one register of one leaf, set and clear")
  func bits() {
    for value in [0, UInt32.max] {
      let plain = Self.leaves(value)
      for position in plain.indices {
        for register in 0..<4 {
          for bit in 0..<32 {
            var leaves = plain
            leaves[position].registers[register] ^= 1 << UInt32(bit)
            let processor = Self.processor(leaves)
            for feature in Self.features {
              let isItsOwn =
                leaves[position].function == feature.function && leaves[position].index == 0
                && register == feature.register && bit == feature.bit
              #expect(
                feature.read(processor) == ((value != 0) != isItsOwn),
                "\(feature.name): leaf \(position), register \(register), bit \(bit)")
            }
          }
        }
      }
    }
    let none = Self.processor([])
    for feature in Self.features { #expect(!feature.read(none)) }
  }

  @Test("MAXPHYADDR is the low byte of EAX, and 36 where nothing says it")
  func widths() {
    for width in 0...255 as ClosedRange<UInt32> {
      for rest in [0, 0xabcd_ef00] as [UInt32] {
        let processor = Self.processor([
          Leaf(function: 0x8000_0008, registers: [rest | width, 1, 2, 3])
        ])
        #expect(processor.physicalAddressWidth == (width == 0 ? 36 : UInt8(width)))
      }
    }
    #expect(Self.processor([]).physicalAddressWidth == 36)
  }

  @Test("The vendor's name stands in EBX, EDX and ECX, and two names mean AMD's rules")
  func vendors() {
    for (name, vendor) in [
      ("AuthenticAMD", .amd), ("HygonGenuine", .amd), ("GenuineIntel", .intel),
      ("AuthenticAMX", .intel), ("CentaurHauls", .intel),
    ] as [(String, ProcessorVendor)] {
      let bytes = Array(name.utf8)
      func word(_ first: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(bytes[first + $1]) << UInt32(8 * $1) }
      }
      let processor = Self.processor([
        Leaf(function: 0, registers: [13, word(0), word(8), word(4)])
      ])
      #expect(processor.vendorName == name && processor.vendor == vendor)
      #expect(processor.leafCount == 1)
    }
    #expect(Self.processor([]).vendorName.isEmpty && Self.processor([]).leafCount == 0)
  }

  @Test("PKRU's place is EBX of subleaf 9")
  func pkru() {
    var leaves = Self.leaves(0)
    #expect(Self.processor(leaves).pkruOffset == 0)
    leaves[5].registers[1] = 2688
    #expect(Self.processor(leaves).pkruOffset == 2688)
    leaves.remove(at: 5)
    #expect(Self.processor(leaves).pkruOffset == nil)
  }
}
