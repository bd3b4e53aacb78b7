// MemoryView, file: content that is read from a file.

internal import CLinux

extension MemoryView {
  /// Fills the first `byteCount` bytes with those of a file from `offset` on; holes stay unwritten.
  ///
  /// - Throws: ``GuestMemoryError/fileTooShort(byteCount:needed:)`` when the file ends before,
  ///   ``GuestMemoryError/refused(operation:byteCount:errorNumber:)`` when it cannot be read.
  func fill(
    fromFile descriptor: CInt, offset: UInt64, byteCount count: UInt64
  ) throws(GuestMemoryError) {
    guard count <= byteCount else { throw .invalidByteCount(count) }
    let end = offset + count
    var position = offset
    while position < end {
      // Where a file system does not tell holes, everything is data.
      let data = clinux_next_data(descriptor, position)
      if -data == Int64(ENXIO) { break }
      if data > Int64(position) { position = min(UInt64(data), end) }
      guard position < end else { break }
      // SAFETY: the rest of the range lies inside the window.
      let read = unsafe clinux_read_at(
        descriptor, baseAddress + Int(truncatingIfNeeded: position - offset),
        min(end - position, 1 << 20), position)
      if -read == Int64(EINTR) { continue }
      guard read >= 0 else {
        throw .refused(operation: "pread", byteCount: count, errorNumber: Int32(-read))
      }
      guard read > 0 else { throw .fileTooShort(byteCount: position, needed: end) }
      position += UInt64(read)
    }
  }

  /// Fills the first `byteCount` bytes with those of a memory file, of which holes are skipped to the page.
  ///
  /// - Throws: as ``fill(fromFile:offset:byteCount:)``.
  func fillExtents(fromFile descriptor: CInt, byteCount count: UInt64) throws(GuestMemoryError) {
    guard count <= byteCount else { throw .invalidByteCount(count) }
    var position: UInt64 = 0
    while position < count {
      let data = clinux_next_data(descriptor, position)
      // ENXIO: nothing is behind this place.
      guard data >= 0, UInt64(data) < count else { return }
      let hole = clinux_next_hole(descriptor, UInt64(data))
      let end = hole > data ? min(UInt64(hole), count) : count
      position = UInt64(data)
      while position < end {
        // SAFETY: the rest of the range lies inside the window.
        let read = unsafe clinux_read_at(
          descriptor, baseAddress + Int(truncatingIfNeeded: position), end - position, position)
        if -read == Int64(EINTR) { continue }
        guard read >= 0 else {
          throw .refused(operation: "pread", byteCount: count, errorNumber: Int32(-read))
        }
        guard read > 0 else { throw .fileTooShort(byteCount: position, needed: end) }
        position += UInt64(read)
      }
    }
  }
}
