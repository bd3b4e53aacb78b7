// ByteSource: where the bytes of an image are read from.

/// Bytes at offsets from 0 on, which any thread may ask for.
package protocol ByteSource: AnyObject, Sendable {
  /// How many bytes there are, not 0.
  var byteCount: UInt64 { get }

  /// Fills `buffer` with the bytes from `offset` on, all of which lie below ``byteCount``.
  ///
  /// - Returns: why not all of them can be read, or nil; ``MemoryImageError/noMemory`` where a machine has
  ///   no memory at the place, which is no failure.
  func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> MemoryImageError?
}

/// Bytes that are in memory.
final class CopiedBytes: ByteSource {
  private let bytes: [UInt8]
  var byteCount: UInt64 { UInt64(bytes.count) }

  /// - Throws: ``MemoryImageError/empty``.
  init(_ bytes: [UInt8]) throws(MemoryImageError) {
    guard !bytes.isEmpty else { throw .empty }
    self.bytes = bytes
  }

  func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> MemoryImageError? {
    // SAFETY: the caller asks for bytes that there are, as many as the buffer has.
    unsafe buffer.copyBytes(from: bytes[Int(offset)..<Int(offset) + buffer.count])
    return nil
  }
}
