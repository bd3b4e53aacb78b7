// PagingConfiguration: everything outside the tables that decides how a table is read.

/// What the processor's control registers and CPUID say about paging.
///
/// Source: Intel SDM volume 3A, sections 5.1.1 (paging modes) and 5.1.4 (enumeration).
@frozen public struct PagingConfiguration: Hashable, Sendable {
  /// The level of the table that CR3 points at: PML4 with 4 levels, PML5 with 5.
  public var rootLevel: Level
  /// MAXPHYADDR, the number of physical-address bits the processor implements, 32 to 52.
  public var physicalAddressWidth: UInt8
  /// IA32_EFER.NXE: with it clear, bit 63 of every entry is reserved.
  public var isNoExecuteEnabled: Bool
  /// CPUID.80000001H:EDX.Page1GB: without it, PS is reserved in a PDPTE.
  public var supports1GiBPages: Bool

  /// Throws when `rootLevel` is not 4 or 5 or `physicalAddressWidth` is not 32 to 52.
  public init(
    rootLevel: Level = .pageMapLevel4, physicalAddressWidth: UInt8 = 48,
    isNoExecuteEnabled: Bool = true, supports1GiBPages: Bool = true
  ) throws(PagingConfigurationError) {
    guard rootLevel >= .pageMapLevel4 else { throw .unsupportedRootLevel(rootLevel) }
    guard (32...52).contains(physicalAddressWidth) else {
      throw .unsupportedPhysicalAddressWidth(physicalAddressWidth)
    }
    self.rootLevel = rootLevel
    self.physicalAddressWidth = physicalAddressWidth
    self.isNoExecuteEnabled = isNoExecuteEnabled
    self.supports1GiBPages = supports1GiBPages
  }

  /// The width of the linear addresses that this configuration translates.
  @inlinable public var linearAddressWidth: LinearAddressWidth {
    rootLevel == .pageMapLevel5 ? .bits57 : .bits48
  }
}

/// Why a paging configuration was refused.
public enum PagingConfigurationError: Error, Hashable, Sendable {
  /// Long mode walks from a PML4 or a PML5 only.
  case unsupportedRootLevel(Level)
  /// MAXPHYADDR lies between 32 and 52.
  case unsupportedPhysicalAddressWidth(UInt8)
}
