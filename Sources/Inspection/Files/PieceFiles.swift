// PieceFiles: parts of files, one behind the other.

/// Parts of several files.
final class PieceFiles: ByteSource {
  let byteCount: UInt64
  private let parts: [Part]

  /// A part of a file, and its place among the others.
  struct Part: Sendable {
    let file: HostFile
    let fileOffset: UInt64
    let byteCount: UInt64
    let offset: UInt64
  }

  /// Takes parts by offset, of which a block of the cache holds one.
  init(_ parts: [Part]) {
    self.parts = parts
    byteCount = parts.last.map { $0.offset + $0.byteCount } ?? 0
  }

  func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> MemoryImageError? {
    // Between two parts there is nothing that anybody asks for.
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
      let place = part.fileOffset + (start - part.offset)
      if let problem = unsafe part.file.read(at: place, into: target) { return problem }
      index += 1
    }
    return nil
  }
}
