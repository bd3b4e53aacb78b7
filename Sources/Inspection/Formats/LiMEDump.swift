// LiMEDump: the headers of a dump by the kernel module LiME, read with every number in doubt.

internal import MMU

/// What the headers of a LiME dump say: one stands before the bytes of each range of memory.
///
/// Source: LiME, README.md, "LiME Memory Range Header Version 1 Specification".
struct LiMEDump {
  /// The ranges of memory, in the order of the headers.
  private(set) var segments: [MemorySegment] = []

  private static let headerByteCount: UInt64 = 32
  private static let segmentLimit: UInt64 = 1 << 20

  /// True when the file starts as a LiME dump does.
  static func isLiME(_ file: borrowing FileBytes) -> Bool {
    file.load(UInt32.self, at: 0) == 0x4c69_4d45
  }

  /// Reads the headers.
  ///
  /// - Throws: ``MemoryImageError`` when one of them cannot be true.
  ///
  /// - Complexity: O(n) in the number of headers.
  init(_ file: borrowing FileBytes) throws(MemoryImageError) {
    var place: UInt64 = 0
    while place < file.count {
      guard segments.count < Self.segmentLimit else {
        throw .tooManySegments(UInt64(segments.count) + 1)
      }
      guard let magic = file.load(UInt32.self, at: place),
        let version = file.load(UInt32.self, at: place + 4),
        let first = file.load(UInt64.self, at: place + 8),
        let last = file.load(UInt64.self, at: place + 16),
        file.contains(place, byteCount: Self.headerByteCount)
      else { throw Self.damaged(place, "a header does not fit into the file") }
      guard magic == 0x4c69_4d45 else { throw Self.damaged(place, "no header is there") }
      guard version == 1 else { throw Self.damaged(place, "the header has version \(version)") }
      guard first <= last, last < 1 << 52 else {
        throw Self.damaged(
          place, "the range 0x\(String(first, radix: 16)) to 0x\(String(last, radix: 16)) cannot be"
        )
      }
      let content = place + Self.headerByteCount
      let byteCount = last - first + 1
      guard file.contains(content, byteCount: byteCount) else {
        throw .segmentOutsideFile(
          index: segments.count, offset: content, byteCount: byteCount, fileByteCount: file.count)
      }
      segments.append(
        MemorySegment(
          physicalAddress: GuestPhysicalAddress(truncating: first), byteCount: byteCount,
          fileOffset: content))
      place = content + byteCount
    }
  }

  private static func damaged(_ offset: UInt64, _ reason: String) -> MemoryImageError {
    .damaged(format: "LiME dump", offset: offset, reason: reason)
  }
}
