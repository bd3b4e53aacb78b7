// UnmapReport: what an unmap removed.

/// What an unmap removed.
///
/// Pages count by the size of their leaf, whether they own frames or not, so that the sum of bytes
/// does not depend on how the range was cut; tables are counted apart and add no bytes.
@frozen public struct UnmapReport: Hashable, Sendable {
  /// Leaves of 4 KiB, 2 MiB and 1 GiB, after large ones at the ends were split.
  public var leafCounts: (size4KiB: UInt64, size2MiB: UInt64, size1GiB: UInt64) {
    (small, medium, large)
  }
  @usableFromInline var small: UInt64 = 0
  @usableFromInline var medium: UInt64 = 0
  @usableFromInline var large: UInt64 = 0
  /// Tables that went back to the allocator.
  public var freedTableCount: UInt64 = 0

  @usableFromInline init() {}

  /// The number of bytes that were mapped in the range.
  public var byteCount: UInt64 { small << 12 &+ medium << 21 &+ large << 30 }

  @inlinable
  mutating func add(_ count: UInt64, at level: UInt64) {
    switch level {
    case 1: small &+= count
    case 2: medium &+= count
    default: large &+= count
    }
  }
}
