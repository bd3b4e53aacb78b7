// PageSizeChoice: which sizes of page a mapping may use.

public import MMU

/// Which sizes of page a mapping may use.
public enum PageSizeChoice: Hashable, Sendable {
  /// The largest that alignment and length allow, up to what the processor supports.
  case largest
  /// This size only; addresses and length must be multiples of it.
  case exactly(PageSize)

  /// Whether pages of 4 KiB may be used.
  @inlinable @inline(__always) var allows4KiB: Bool {
    switch self {
    case .largest, .exactly(.size4KiB): true
    case .exactly: false
    }
  }
}
