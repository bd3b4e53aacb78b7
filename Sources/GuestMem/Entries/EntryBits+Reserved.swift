// EntryBits, reserved bits: what a present entry must not have, as the builder knows it.

public import MMU

extension EntryBits {
  /// Bits 20:13 of a PDE, and 29:13 of a PDPTE, that maps a page.
  @inlinable static var belowLargePage: (UInt64, UInt64) { (0x001f_e000, 0x3fff_e000) }

  /// The bits of a present entry used at `level` that its processor reserves.
  ///
  /// Written from the manual and not taken from the model, which reads the tables afterwards: a
  /// mistake in one of them shows as a difference.
  ///
  /// Source: Intel SDM volume 3A, section 5.5.4, tables 5-14 to 5-20 (M is MAXPHYADDR); AMD APM
  /// volume 2, section 5.3.3 (bit 8 of the highest entries).
  @inlinable
  static func reserved(
    in entry: UInt64, level: UInt64, _ paging: PagingConfiguration
  ) -> UInt64 {
    // Bits 51:M.
    var bits = address & UInt64.max &<< UInt64(paging.physicalAddressWidth)
    if !paging.isNoExecuteEnabled { bits |= noExecute }
    let isLarge = entry & pageSize != 0
    switch level {
    case 1: break
    case 2: if isLarge { bits |= belowLargePage.0 }
    case 3:
      if !paging.supports1GiBPages {
        bits |= pageSize
      } else if isLarge {
        bits |= belowLargePage.1
      }
    default:
      bits |= pageSize
      if paging.vendor == .amd { bits |= global }
    }
    return entry & bits
  }
}
