// ProcessorModel: what is the same for all of a processor's life.

package import MMU

/// What CPUID says of a guest's processor, as far as paging needs it.
package struct ProcessorModel: Hashable, Sendable {
  /// MAXPHYADDR, 32 to 52.
  package var physicalAddressWidth: UInt8
  /// CPUID.80000001H:EDX.Page1GB.
  package var supports1GiBPages: Bool
  /// Whose manual decides.
  package var vendor: ProcessorVendor

  /// Takes the values as they are.
  package init(
    physicalAddressWidth: UInt8 = 48, supports1GiBPages: Bool = true,
    vendor: ProcessorVendor = .intel
  ) {
    self.physicalAddressWidth = physicalAddressWidth
    self.supports1GiBPages = supports1GiBPages
    self.vendor = vendor
  }

  /// How a processor of this kind reads tables with these registers; MAXPHYADDR is brought to 32 to 52.
  ///
  /// Source: Intel SDM volume 3A, section 5.1.1 (CR4.LA57) and 5.1.4.
  package func configuration(_ registers: GuestRegisters) -> PagingConfiguration? {
    try? PagingConfiguration(
      rootLevel: registers.cr4 >> 12 & 1 != 0 ? .pageMapLevel5 : .pageMapLevel4,
      physicalAddressWidth: min(52, max(32, physicalAddressWidth)),
      isNoExecuteEnabled: registers.efer >> 11 & 1 != 0, supports1GiBPages: supports1GiBPages,
      vendor: vendor)
  }
}
