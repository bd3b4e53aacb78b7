// FileWindow: a few blocks of a file, when keeping all that are used would take too much memory.

/// Blocks of a file by their number, each in the one place where it may stand.
struct FileWindow: Sendable {
  private static let slotCount = 1024
  private static let blockByteCount = 4096

  private var blocks: [UInt64] = []
  private var bytes: [UInt8] = []

  /// The byte at `place` of a block, which `fill` reads when it is not there.
  mutating func byte(
    at place: Int, ofBlock block: UInt64,
    fill: (UnsafeMutableRawBufferPointer) -> MemoryImageError?
  ) -> Result<UInt8, MemoryImageError> {
    if blocks.isEmpty {
      blocks = [UInt64](repeating: .max, count: Self.slotCount)
      bytes = [UInt8](repeating: 0, count: Self.slotCount * Self.blockByteCount)
    }
    let slot = Int(block % UInt64(Self.slotCount))
    let start = slot * Self.blockByteCount
    if blocks[slot] != block {
      blocks[slot] = .max
      // SAFETY: the part has a block's bytes. A slice of the array would be a copy.
      let failure = unsafe bytes.withUnsafeMutableBytes { bytes in
        let part = unsafe bytes[start..<start + Self.blockByteCount]
        return unsafe fill(UnsafeMutableRawBufferPointer(rebasing: part))
      }
      if let failure { return .failure(failure) }
      blocks[slot] = block
    }
    return .success(bytes[start + place])
  }
}
