// FileBytes: the bytes of a file, read as they are needed and kept.

internal import CAtomics

/// The owner of a view of a file, or of a copy of bytes in memory.
///
/// The file is not mapped: one that somebody shortens while it is mapped ends the process when the
/// lost part is read (SIGBUS, mmap(2)). A block of it is read when one of its bytes is needed first,
/// and kept, so that a word stays what it was found to be. A block that cannot be read has no bytes,
/// and ``failure`` says why.
@safe package struct FileBytes: ~Copyable, @unchecked Sendable {
  /// The size in bytes when the file was opened.
  package let count: UInt64
  private let blocks: FileBlocks
  /// The directory of `blocks`, which lives as long as they do.
  private let directory: UnsafeMutableRawPointer

  /// Opens the file at `path`.
  ///
  /// - Throws: ``MemoryImageError`` when the path is no file, cannot be opened, or has no bytes.
  package init(path: String) throws(MemoryImageError) { try self.init(HostFile(path: path)) }

  /// Copies `bytes`, which must not be empty.
  package init(copying bytes: [UInt8]) throws(MemoryImageError) {
    try self.init(CopiedBytes(bytes))
  }

  /// The bytes of `source`.
  ///
  /// - Throws: ``MemoryImageError/tooLarge(byteCount:errorNumber:)``.
  package init(_ source: any ByteSource) throws(MemoryImageError) {
    blocks = try FileBlocks(source)
    count = blocks.byteCount
    unsafe directory = blocks.directory
  }

  /// Why some of the bytes could not be read, or nil while all that were asked for could.
  package var failure: MemoryImageError? { blocks.failure }

  /// As ``FileBlocks/changedBlockCount()``.
  package func changedBlockCount() -> Int? { blocks.changedBlockCount() }

  /// The integer of `type` at `offset`, lowest byte first, or nil where it does not fit or cannot be
  /// read.
  @inline(__always)
  package func load<Number: FixedWidthInteger & BitwiseCopyable>(
    _ type: Number.Type, at offset: UInt64
  ) -> Number? {
    let size = UInt64(MemoryLayout<Number>.size)
    guard count >= size, offset <= count - size else { return nil }
    let place = offset & (FileBlocks.blockByteCount - 1)
    if place <= FileBlocks.blockByteCount - size {
      // SAFETY: the directory has a word for each block, and only addresses of blocks are above
      // `lost`.
      let address = unsafe catomic_load_acquire(
        directory + Int(truncatingIfNeeded: offset / FileBlocks.blockByteCount &* 8))
      if address > FileBlocks.lost,
        let block = unsafe UnsafeRawPointer(bitPattern: UInt(address))
      {
        // SAFETY: the bytes lie inside the block, and an unaligned load needs no alignment.
        return unsafe Number(
          littleEndian: (block + Int(truncatingIfNeeded: place)).loadUnaligned(as: type))
      }
    }
    return loadSlowly(type, at: offset)
  }

  /// Fills `words` with the bytes from `offset` on, lowest byte of each word first; false where some
  /// of them do not fit, cannot be read, or are not kept.
  package func load(_ words: inout [UInt64], at offset: UInt64) -> Bool {
    let byteCount = UInt64(words.count) * 8
    guard contains(offset, byteCount: byteCount) else { return false }
    var done: UInt64 = 0
    while done < byteCount {
      let start = offset + done
      // A block that was not read yet is read for its byte.
      guard load(UInt8.self, at: start) != nil else { return false }
      // SAFETY: the directory has a word for each block, and only addresses of blocks are above
      // `lost`.
      let address = unsafe catomic_load_acquire(
        directory + Int(truncatingIfNeeded: start / FileBlocks.blockByteCount &* 8))
      guard address > FileBlocks.lost,
        let block = unsafe UnsafeRawPointer(bitPattern: UInt(address))
      else { return false }
      let place = start & (FileBlocks.blockByteCount - 1)
      let part = min(byteCount - done, FileBlocks.blockByteCount - place)
      // SAFETY: `part` bytes from `place` on lie inside the block, and from `done` on inside `words`.
      unsafe words.withUnsafeMutableBytes { bytes in
        let source = unsafe UnsafeRawBufferPointer(start: block + Int(place), count: Int(part))
        unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[Int(done)...]).copyMemory(from: source)
      }
      done += part
    }
    for index in words.indices { words[index] = UInt64(littleEndian: words[index]) }
    return true
  }

  /// Fills `buffer` with the bytes from `offset` on; false where some of them do not fit or cannot be read.
  func copy(at offset: UInt64, to buffer: UnsafeMutableRawBufferPointer) -> Bool {
    guard contains(offset, byteCount: UInt64(buffer.count)) else { return false }
    return unsafe blocks.scan(buffer, at: offset)
  }

  /// Fills `bytes` with those from `offset` on; false where some of them do not fit or cannot be read.
  func copy(at offset: UInt64, to bytes: inout [UInt8]) -> Bool {
    unsafe bytes.withUnsafeMutableBytes { unsafe copy(at: offset, to: $0) }
  }

  /// Fills `words` with the bytes from `offset` on, without keeping them; false where some of them do not
  /// fit, cannot be read, or lie in a block that was read before.
  func scan(_ words: inout [UInt64], at offset: UInt64) -> Bool {
    let byteCount = UInt64(words.count) * 8
    guard byteCount > 0, contains(offset, byteCount: byteCount) else { return false }
    let first = offset / FileBlocks.blockByteCount
    let last = (offset + byteCount - 1) / FileBlocks.blockByteCount
    for block in first...last {
      // SAFETY: the directory has a word for each block.
      let address = unsafe catomic_load_acquire(directory + Int(truncatingIfNeeded: block &* 8))
      if address != 0 { return false }
    }
    // SAFETY: the words have room for their bytes.
    let isRead = unsafe words.withUnsafeMutableBytes { unsafe blocks.scan($0, at: offset) }
    for index in words.indices { words[index] = UInt64(littleEndian: words[index]) }
    return isRead
  }

  /// True when `byteCount` bytes from `offset` on lie inside the file as it was opened.
  package func contains(_ offset: UInt64, byteCount: UInt64) -> Bool {
    byteCount <= count && offset <= count - byteCount
  }

  /// An integer that lies in two blocks, or in one that has not been read.
  @inline(never)
  private func loadSlowly<Number: FixedWidthInteger>(
    _ type: Number.Type, at offset: UInt64
  ) -> Number? {
    var number: Number = 0
    for index in 0..<UInt64(MemoryLayout<Number>.size) {
      guard let byte = blocks.byte(at: offset + index) else { return nil }
      number |= Number(truncatingIfNeeded: byte) << Number(truncatingIfNeeded: index * 8)
    }
    return number
  }
}
