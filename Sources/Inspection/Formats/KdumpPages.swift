// KdumpPages: the pages of a compressed kdump, one behind the other.

internal import CZlib

/// The pages that were dumped, in their order, as they were before they were compressed.
final class KdumpPages: ByteSource {
  private let file: FileBytes
  private let descriptorOffset: UInt64
  let byteCount: UInt64

  /// How a page is compressed: bits of its descriptor's flags.
  ///
  /// Source: makedumpfile, diskdump_mod.h, `DUMP_DH_COMPRESSED_*`.
  private enum Flag {
    static let zlib: UInt32 = 0x1
    static let others: [(flag: UInt32, name: String)] = [
      (0x2, "LZO"), (0x4, "snappy"), (0x20, "Zstandard"),
    ]
    /// The dump was cut off in this page, or the page was left out.
    static let missing: UInt32 = 0x8 | 0x10
  }

  /// The pages of `file`, whose headers are `headers`.
  init(_ file: consuming FileBytes, _ headers: KdumpFile) {
    self.file = file
    descriptorOffset = headers.descriptorOffset
    byteCount = headers.pageCount * KdumpFile.pageByteCount
  }

  func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> MemoryImageError? {
    var done = 0
    while done < buffer.count {
      let place = offset + UInt64(done)
      let start = Int(place % KdumpFile.pageByteCount)
      let part = min(buffer.count - done, Int(KdumpFile.pageByteCount) - start)
      do throws(MemoryImageError) {
        let page = try page(place / KdumpFile.pageByteCount)
        // SAFETY: the page has 4096 bytes, and the buffer `part` from `done` on.
        unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + part])
          .copyBytes(from: page[start..<start + part])
      } catch {
        return file.failure ?? error
      }
      done += part
    }
    return nil
  }

  /// The bytes of the page of `number`, as many as a page has.
  private func page(_ number: UInt64) throws(MemoryImageError) -> [UInt8] {
    let place = descriptorOffset + number * KdumpFile.descriptorByteCount
    guard let offset = file.load(UInt64.self, at: place),
      let size = file.load(UInt32.self, at: place + 8),
      let flags = file.load(UInt32.self, at: place + 12)
    else { throw KdumpFile.damaged(place, "the descriptor of a page is not in the file") }
    guard flags & Flag.missing == 0 else {
      throw KdumpFile.damaged(place, "a page was not written whole")
    }
    if let other = Flag.others.first(where: { flags & $0.flag != 0 }) {
      throw .unsupportedCompression(name: other.name)
    }
    // zlib makes what it cannot compress longer by few bytes.
    guard size <= 2 * UInt32(KdumpFile.pageByteCount),
      file.contains(offset, byteCount: UInt64(size))
    else {
      throw KdumpFile.damaged(place, "a page of \(size) bytes at \(offset) is not in the file")
    }
    var bytes = [UInt8](repeating: 0, count: Int(size))
    guard file.copy(at: offset, to: &bytes) else {
      throw KdumpFile.damaged(offset, "a page cannot be read")
    }
    guard flags & Flag.zlib != 0 else {
      guard size == UInt32(KdumpFile.pageByteCount) else {
        throw KdumpFile.damaged(place, "a page has \(size) bytes")
      }
      return bytes
    }
    var page = [UInt8](repeating: 0, count: Int(KdumpFile.pageByteCount))
    var length = uLongf(page.count)
    // SAFETY: zlib writes at most `length` bytes, which is what the page has.
    let result = unsafe uncompress(&page, &length, bytes, uLong(bytes.count))
    guard result == Z_OK, length == uLongf(page.count) else {
      throw KdumpFile.damaged(offset, "zlib cannot take a page apart (\(result))")
    }
    return page
  }
}
