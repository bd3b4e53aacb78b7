// ReadAhead: bytes of a file behind those that were asked for last.

/// A part of a file that grows while its bytes are asked for in their order.
struct ReadAhead: Sendable {
  /// So many bytes are read at once at most.
  static let limit = 1 << 16

  private var bytes: [UInt8] = []
  /// The part of the file that `bytes` begin with.
  private var range: Range<UInt64> = 0..<0

  /// Copies the bytes from `offset` on to `buffer`.
  ///
  /// Bytes that are not here are read by `fill`. Where they follow those that are, twice as many are
  /// read as the last time, but none from `end` on; otherwise no more than fit into `buffer`.
  ///
  /// - Returns: why `fill` cannot read them, or nil.
  mutating func copy(
    from offset: UInt64, into buffer: UnsafeMutableRawBufferPointer, end: UInt64,
    fill: (UInt64, UnsafeMutableRawBufferPointer) -> MemoryImageError?
  ) -> MemoryImageError? {
    let count = UInt64(buffer.count)
    if !(range.lowerBound <= offset && offset + count <= range.upperBound) {
      let isNext = !range.isEmpty && offset == range.upperBound
      let wanted = isNext ? min(UInt64(range.count) * 2, UInt64(Self.limit)) : count
      let byteCount = max(count, min(wanted, end - offset))
      if bytes.count < Int(byteCount) { bytes = [UInt8](repeating: 0, count: Int(byteCount)) }
      range = 0..<0
      // SAFETY: there are at least as many bytes. A slice of the array would be a copy.
      let failure = unsafe bytes.withUnsafeMutableBytes {
        unsafe fill(offset, UnsafeMutableRawBufferPointer(rebasing: $0[..<Int(byteCount)]))
      }
      if let failure { return failure }
      range = offset..<offset + byteCount
    }
    let start = Int(offset - range.lowerBound)
    // SAFETY: `buffer` has `count` bytes, and the range has as many from `offset` on.
    unsafe bytes.withUnsafeBytes { bytes in
      unsafe buffer.copyMemory(
        from: UnsafeRawBufferPointer(rebasing: bytes[start..<start + Int(count)]))
    }
    return nil
  }
}
