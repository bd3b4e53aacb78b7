// InputLimits: what a file may ask of this host.

import Glibc

/// Bounds on input that do not follow from its meaning.
struct InputLimits: Sendable {
  /// The largest file that is read, in bytes.
  var fileByteCount = 16 << 20
  /// The largest guest memory, in bytes: what the host has.
  var memoryByteCount = UInt64.max

  /// The limits of the host this runs on.
  static func ofThisHost() -> InputLimits {
    var limits = InputLimits()
    let pageCount = sysconf(Int32(_SC_PHYS_PAGES))
    let pageByteCount = sysconf(Int32(_SC_PAGESIZE))
    if pageCount > 0 && pageByteCount > 0 {
      let (product, overflow) = UInt64(pageCount).multipliedReportingOverflow(
        by: UInt64(pageByteCount))
      if !overflow { limits.memoryByteCount = product }
    }
    return limits
  }
}
