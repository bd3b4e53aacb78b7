// PageFaultErrorCode: what the processor pushes when it delivers a page fault.

/// The error code of a page fault.
///
/// Source: Intel SDM volume 3A, section 5.7, figure 5-12.
@frozen public struct PageFaultErrorCode: OptionSet, Hashable, Sendable {
  /// The error code as it is pushed.
  public let rawValue: UInt32

  /// Takes the bits as they are.
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// P, bit 0: there is a translation, or a reserved bit is why there is none.
  @inlinable public static var present: Self { Self(rawValue: 1) }
  /// W/R, bit 1: the access was a write.
  @inlinable public static var write: Self { Self(rawValue: 1 << 1) }
  /// U/S, bit 2: the access was a user-mode access.
  @inlinable public static var user: Self { Self(rawValue: 1 << 2) }
  /// RSVD, bit 3: a reserved bit was set in a present entry.
  @inlinable public static var reserved: Self { Self(rawValue: 1 << 3) }
  /// I/D, bit 4: the access was a fetch, and IA32_EFER.NXE or CR4.SMEP is set.
  @inlinable public static var instructionFetch: Self { Self(rawValue: 1 << 4) }
  /// PK, bit 5: the protection key forbids the access.
  @inlinable public static var protectionKey: Self { Self(rawValue: 1 << 5) }
  /// SS, bit 6: the access was a shadow-stack access; the model makes none.
  @inlinable public static var shadowStack: Self { Self(rawValue: 1 << 6) }
  /// HLAT, bit 7: there was no translation by HLAT paging; the model predicts none.
  @inlinable public static var hypervisorManaged: Self { Self(rawValue: 1 << 7) }
  /// SGX, bit 15: the fault comes from SGX and not from paging; the model predicts none.
  @inlinable public static var softwareGuard: Self { Self(rawValue: 1 << 15) }
  /// RMP, bit 31: the reverse map table of SEV-SNP forbids the access; the model predicts none.
  ///
  /// Source: AMD APM volume 2, section 8.4.2 (page-fault error code).
  @inlinable public static var reverseMap: Self { Self(rawValue: 1 << 31) }
}

extension PageFaultErrorCode: CustomStringConvertible {
  /// The set bits by name, from bit 0 up, such as `P|W|U`; `0` when none is set.
  public var description: String {
    let names: [(PageFaultErrorCode, String)] = [
      (.present, "P"), (.write, "W"), (.user, "U"), (.reserved, "RSVD"),
      (.instructionFetch, "I"), (.protectionKey, "PK"), (.shadowStack, "SS"),
      (.hypervisorManaged, "HLAT"), (.softwareGuard, "SGX"), (.reverseMap, "RMP"),
    ]
    var parts = names.filter { contains($0.0) }.map(\.1)
    let known = names.reduce(PageFaultErrorCode()) { $0.union($1.0) }
    let unknown = subtracting(known).rawValue
    if unknown != 0 { parts.append("0x" + String(unknown, radix: 16)) }
    return parts.isEmpty ? "0" : parts.joined(separator: "|")
  }
}
