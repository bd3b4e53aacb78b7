// SupportedProcessor: the CPUID leaves that KVM can give to a guest.

internal import CKVM
public import MMU

/// The processor that KVM offers to guests, as CPUID describes it.
///
/// What CPUID promises and what a host does differ: a capability counts once it has been tried.
///
/// Source: KVM API document, section 4.46; Intel SDM volume 2A, CPUID.
public struct SupportedProcessor: Sendable {
  /// Ten KiB, which are not copied along.
  private final class Leaves: Sendable {
    let value: ckvm_cpuid

    init(_ value: ckvm_cpuid) { self.value = value }
  }

  private let shared: Leaves
  var leaves: ckvm_cpuid { shared.value }

  init(_ leaves: ckvm_cpuid) { shared = Leaves(leaves) }

  /// MAXPHYADDR, CPUID.80000008H:EAX[7:0]; 36 where the leaf is missing.
  ///
  /// Source: Intel SDM volume 3A, section 5.1.4.
  public var physicalAddressWidth: UInt8 {
    guard let leaf = leaf(0x8000_0008), leaf.eax & 0xff != 0 else { return 36 }
    return UInt8(truncatingIfNeeded: leaf.eax)
  }

  /// AMD's rules for reserved bits, or Intel's, by the vendor's name in CPUID.0H.
  public var vendor: ProcessorVendor {
    vendorName == "AuthenticAMD" || vendorName == "HygonGenuine" ? .amd : .intel
  }

  /// The twelve letters of CPUID.0H:EBX,EDX,ECX.
  public var vendorName: String {
    guard let leaf = leaf(0) else { return "" }
    let bytes = [leaf.ebx, leaf.edx, leaf.ecx].flatMap { register in
      (0..<4).map { UInt8(truncatingIfNeeded: register >> (8 * $0)) }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// CPUID.80000001H:EDX.Page1GB.
  public var has1GiBPages: Bool { bit(26, of: leaf(0x8000_0001)?.edx) }
  /// CPUID.80000001H:EDX.NX.
  public var hasNoExecute: Bool { bit(20, of: leaf(0x8000_0001)?.edx) }
  /// CPUID.07H:EBX.SMEP.
  public var hasSMEP: Bool { bit(7, of: leaf(7)?.ebx) }
  /// CPUID.07H:EBX.SMAP.
  public var hasSMAP: Bool { bit(20, of: leaf(7)?.ebx) }
  /// CPUID.07H:ECX.PKU.
  public var hasPKU: Bool { bit(3, of: leaf(7)?.ecx) }
  /// CPUID.07H:ECX.LA57.
  public var hasLA57: Bool { bit(16, of: leaf(7)?.ecx) }
  /// CPUID.07H:ECX.PKS.
  public var hasPKS: Bool { bit(31, of: leaf(7)?.ecx) }
  /// Where PKRU lies in the XSAVE area, in bytes: CPUID.(0DH, 9):EBX.
  public var pkruOffset: UInt32? { leaf(0xd, subleaf: 9)?.ebx }

  /// The number of CPUID leaves.
  public var leafCount: Int { Int(leaves.count) }

  private func bit(_ position: UInt32, of register: UInt32?) -> Bool {
    (register ?? 0) >> position & 1 != 0
  }

  private func leaf(_ function: UInt32, subleaf: UInt32 = 0) -> kvm_cpuid_entry2? {
    var copy = leaves
    for index in 0..<copy.count {
      // SAFETY: the shim checks the index and answers a pointer into `copy`.
      guard let entry = unsafe ckvm_cpuid_entry(&copy, index)?.pointee else { return nil }
      if entry.function == function && entry.index == subleaf { return entry }
    }
    return nil
  }
}
