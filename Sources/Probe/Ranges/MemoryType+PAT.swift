// Which memory type an index into IA32_PAT selects.

import GuestMem

extension MemoryType {
  /// The type at an index of an IA32_PAT, or nil for a reserved one.
  ///
  /// Source: Intel SDM volume 3A, section 13.12.2, tables 13-10 and 13-11.
  init?(patIndex: UInt8, in pageAttributeTable: UInt64) {
    let encoding = pageAttributeTable >> (8 * UInt64(patIndex & 7)) & 0xff
    self.init(rawValue: UInt8(truncatingIfNeeded: encoding))
  }
}
