// PagingConfiguration: everything outside the tables that decides how a table is read.

/// What the processor's control registers and CPUID say about paging.
///
/// Source: Intel SDM volume 3A, sections 5.1.1 (paging modes) and 5.1.4 (enumeration).
@frozen public struct PagingConfiguration: Hashable, Sendable {
  /// The level of the table that CR3 points at: PML4 with 4 levels, PML5 with 5.
  public let rootLevel: Level
  /// MAXPHYADDR, the number of physical-address bits the processor implements, 32 to 52.
  public let physicalAddressWidth: UInt8
  /// IA32_EFER.NXE: with it clear, bit 63 of every entry is reserved.
  public var isNoExecuteEnabled: Bool
  /// CPUID.80000001H:EDX.Page1GB: without it, PS is reserved in a PDPTE.
  public var supports1GiBPages: Bool
  /// Whose manual decides about bit 8 of a PML4E and a PML5E.
  public var vendor: ProcessorVendor

  /// A configuration of 4 or 5 levels, with a MAXPHYADDR of 32 to 52 bits.
  ///
  /// - Throws: ``PagingConfigurationError`` for other levels and widths.
  public init(
    rootLevel: Level = .pageMapLevel4, physicalAddressWidth: UInt8 = 48,
    isNoExecuteEnabled: Bool = true, supports1GiBPages: Bool = true,
    vendor: ProcessorVendor = .intel
  ) throws(PagingConfigurationError) {
    guard rootLevel >= .pageMapLevel4 else { throw .unsupportedRootLevel(rootLevel) }
    guard (32...52).contains(physicalAddressWidth) else {
      throw .unsupportedPhysicalAddressWidth(physicalAddressWidth)
    }
    self.rootLevel = rootLevel
    self.physicalAddressWidth = physicalAddressWidth
    self.isNoExecuteEnabled = isNoExecuteEnabled
    self.supports1GiBPages = supports1GiBPages
    self.vendor = vendor
  }

  /// The width of the linear addresses that this configuration translates.
  @inlinable public var linearAddressWidth: LinearAddressWidth {
    rootLevel == .pageMapLevel5 ? .bits57 : .bits48
  }

  /// Bits MAXPHYADDR to 51: address bits that the processor does not implement.
  ///
  /// They are reserved in every present entry; 0 when MAXPHYADDR is 52.
  ///
  /// Source: Intel SDM volume 3A, section 5.5.4.
  @inlinable public var unimplementedAddressBits: UInt64 {
    0x000f_ffff_ffff_ffff & (~0 &<< UInt64(physicalAddressWidth))
  }

  /// The bits that are reserved in every present entry, whatever its level.
  ///
  /// They are ``unimplementedAddressBits`` and, while ``isNoExecuteEnabled`` is false, bit 63.
  ///
  /// Source: Intel SDM volume 3A, section 5.5.4.
  @inlinable public var alwaysReservedBits: UInt64 {
    unimplementedAddressBits | (isNoExecuteEnabled ? 0 : PageTableEntry.Bit.noExecute)
  }
}

/// Why a paging configuration was refused.
public enum PagingConfigurationError: Error, Hashable, Sendable {
  /// Long mode walks from a PML4 or a PML5 only.
  case unsupportedRootLevel(Level)
  /// MAXPHYADDR lies between 32 and 52.
  case unsupportedPhysicalAddressWidth(UInt8)

  /// The stable name of the case, the same in every output format.
  public var id: String {
    switch self {
    case .unsupportedRootLevel: "unsupported-root-level"
    case .unsupportedPhysicalAddressWidth: "unsupported-physical-address-width"
    }
  }

  /// What is wrong, in lower case and without a full stop.
  public var message: String {
    switch self {
    case .unsupportedRootLevel(let level):
      "CR3 cannot point at a \(level.abbreviation) in long mode"
    case .unsupportedPhysicalAddressWidth(let width):
      "no x86-64 processor has \(width) physical-address bits"
    }
  }

  /// What to do about it.
  public var hint: String {
    switch self {
    case .unsupportedRootLevel: "use the PML4 (4 levels) or the PML5 (5 levels) as root"
    case .unsupportedPhysicalAddressWidth: "give a width from 32 to 52"
    }
  }
}
