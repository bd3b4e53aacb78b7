// MemorySegment: where a piece of physical memory stands in a file.

public import MMU

/// A range of physical memory and its place in the image's file.
@frozen public struct MemorySegment: Hashable, Sendable {
  /// The first address.
  public let physicalAddress: GuestPhysicalAddress
  /// The number of bytes that the file holds.
  public let byteCount: UInt64
  /// Where they stand in the file, in bytes from its start.
  public let fileOffset: UInt64

  /// The address behind the last byte, at most `2^52`.
  @inlinable public var end: UInt64 { physicalAddress.rawValue &+ byteCount }
}

extension [MemorySegment] {
  /// The segments by address, without overlaps and empty ones.
  ///
  /// Where two segments hold the same address, the one that starts first counts, and of those that
  /// start together the one that stands first in the file's headers. Cores of Linux hold the
  /// kernel's text twice, with the same content.
  ///
  /// - Complexity: O(n log n).
  func disjoint() -> [MemorySegment] {
    let sorted = enumerated().sorted {
      ($0.element.physicalAddress, $0.offset) < ($1.element.physicalAddress, $1.offset)
    }
    var result: [MemorySegment] = []
    result.reserveCapacity(count)
    for (_, segment) in sorted {
      let taken = result.last.map(\.end) ?? 0
      let start = Swift.max(segment.physicalAddress.rawValue, taken)
      guard start < segment.end else { continue }
      result.append(
        MemorySegment(
          physicalAddress: GuestPhysicalAddress(truncating: start), byteCount: segment.end - start,
          fileOffset: segment.fileOffset + (start - segment.physicalAddress.rawValue)))
    }
    return result
  }
}
