// PieceFiles: parts of files, one behind the other.

/// Parts of several files.
final class PieceFiles: ByteSource {
  private let parts: ByteParts<Part>
  let byteCount: UInt64

  /// A part of a file.
  struct Part: Sendable {
    let file: HostFile
    let fileOffset: UInt64
  }

  init(_ parts: ByteParts<Part>) {
    self.parts = parts
    byteCount = parts.byteCount
  }

  func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> MemoryImageError? {
    unsafe parts.read(at: offset, into: buffer) { part, position, target in
      unsafe part.file.read(at: part.fileOffset + position, into: target)
    }
  }
}
