// ByteParts: bytes that stand in several places, one place behind the other.

/// Places of bytes, each with its offset among all.
///
/// An offset is a multiple of a block's size, so that a block of the cache is of one place. Bytes between two
/// places are 0 and nobody asks for them.
struct ByteParts<Place: Sendable>: Sendable {
  private var parts: [(offset: UInt64, byteCount: UInt64, place: Place)] = []

  /// How many bytes there are, with those between the places.
  var byteCount: UInt64 { parts.last.map { $0.offset + $0.byteCount } ?? 0 }

  /// Adds a place behind the others.
  ///
  /// - Returns: its offset.
  mutating func append(_ place: Place, byteCount count: UInt64) -> UInt64 {
    let block = FileBlocks.blockByteCount
    let offset = (byteCount + block - 1) & ~(block - 1)
    parts.append((offset, count, place))
    return offset
  }

  /// Fills `buffer` with the bytes from `offset` on: `read` fills a part of it from a position in one place.
  ///
  /// - Returns: what `read` says is wrong first, or nil.
  func read(
    at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer,
    _ read: (Place, UInt64, UnsafeMutableRawBufferPointer) -> MemoryImageError?
  ) -> MemoryImageError? {
    // SAFETY: the bytes are the caller's.
    _ = unsafe buffer.initializeMemory(as: UInt8.self, repeating: 0)
    let end = offset + UInt64(buffer.count)
    var index = parts.partitioningIndex { $0.offset + $0.byteCount > offset }
    while index < parts.count, parts[index].offset < end {
      let part = parts[index]
      let start = max(part.offset, offset)
      let stop = min(part.offset + part.byteCount, end)
      // SAFETY: the slice lies inside the buffer.
      let target = unsafe UnsafeMutableRawBufferPointer(
        rebasing: buffer[Int(start - offset)..<Int(stop - offset)])
      if let problem = unsafe read(part.place, start - part.offset, target) { return problem }
      index += 1
    }
    return nil
  }
}
