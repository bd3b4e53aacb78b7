// FileBlocks: the blocks of a file that have been read, and where they are in memory.

internal import CKVM
import Synchronization

/// The blocks of one file; any thread may ask for a byte.
@safe final class FileBlocks: @unchecked Sendable {
  /// The size of the file in bytes when it was opened.
  let byteCount: UInt64
  /// For each block its address in this process, ``lost``, or 0 where it has not been read yet.
  let directory: UnsafeMutableRawPointer
  /// The descriptor, or -1 for a copy.
  private let fileDescriptor: CInt
  private let state = Mutex(FileBlockState())

  /// The size of a block.
  static let blockByteCount: UInt64 = 4096
  /// In the directory, where no block has this address: the block cannot be read.
  static let lost: UInt64 = 1
  /// So many blocks are kept, a GiB; any others are read through a window.
  private static let keptLimit = 1 << 18

  /// Opens the file at `path`.
  init(path: String) throws(MemoryImageError) {
    unsafe (fileDescriptor, byteCount, directory) = try Self.open(path)
  }

  /// Copies `bytes`.
  init(copying bytes: [UInt8]) throws(MemoryImageError) {
    guard !bytes.isEmpty else { throw .empty }
    unsafe directory = try Self.makeDirectory(byteCount: UInt64(bytes.count))
    byteCount = UInt64(bytes.count)
    fileDescriptor = -1
    for start in stride(from: 0, to: bytes.count, by: Int(Self.blockByteCount)) {
      let part = bytes[start..<min(bytes.count, start + Int(Self.blockByteCount))]
      state.withLock { state in
        unsafe keep(UInt64(start) / Self.blockByteCount, in: &state) {
          unsafe $0.copyBytes(from: part)
          return nil
        }
      }
    }
  }

  deinit {
    state.withLock { state in
      for address in state.kept {
        // SAFETY: the blocks were allocated by `keep` and are freed nowhere else.
        unsafe UnsafeMutableRawPointer(bitPattern: address)?.deallocate()
      }
    }
    // SAFETY: the range was mapped by the initializer and is unmapped nowhere else.
    _ = unsafe ckvm_unmap(directory, Self.directoryByteCount(byteCount))
    if fileDescriptor >= 0 { _ = ckvm_close(fileDescriptor) }
  }

  /// Why a block could not be read, or nil while all that were asked for could.
  var failure: MemoryImageError? { state.withLock { $0.failure } }

  /// The byte at `offset`, which is below ``byteCount``; nil where it cannot be read.
  func byte(at offset: UInt64) -> UInt8? {
    let block = offset / Self.blockByteCount
    let place = Int(offset % Self.blockByteCount)
    return state.withLock { state in
      var address = self.address(of: block)
      if address == 0 {
        if state.kept.count >= Self.keptLimit {
          let result = unsafe state.window.byte(at: place, ofBlock: block) {
            unsafe read(block, into: $0)
          }
          if case .failure(let error) = result { state.failure = state.failure ?? error }
          return try? result.get()
        }
        unsafe keep(block, in: &state) { unsafe read(block, into: $0) }
        address = self.address(of: block)
      }
      guard address > Self.lost else { return nil }
      // SAFETY: `place` lies inside the block.
      return unsafe UnsafeRawPointer(bitPattern: UInt(address))?.load(
        fromByteOffset: place, as: UInt8.self)
    }
  }

  private func address(of block: UInt64) -> UInt64 {
    // SAFETY: the directory has a word for each block.
    unsafe ckvm_load_acquire(directory + Int(block * 8))
  }

  /// Puts a block into the directory; one that `fill` cannot fill is lost.
  ///
  /// `fill` writes all that the file has of the block, or returns an error.
  private func keep(
    _ block: UInt64, in state: inout FileBlockState,
    fill: (UnsafeMutableRawBufferPointer) -> MemoryImageError?
  ) {
    // SAFETY: the directory has a word for each block, and owns what is allocated here.
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Int(Self.blockByteCount), alignment: 16)
    // The end of the file's last block; what comes before it is filled.
    let filled = Int(min(Self.blockByteCount, byteCount - block * Self.blockByteCount))
    unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
      .initializeMemory(as: UInt8.self, repeating: 0)
    var address = Self.lost
    if let error = unsafe fill(buffer) {
      state.failure = state.failure ?? error
      unsafe buffer.deallocate()
    } else if let start = buffer.baseAddress {
      state.kept.append(UInt(bitPattern: start))
      address = UInt64(UInt(bitPattern: start))
    }
    unsafe ckvm_store_release(directory + Int(block * 8), address)
  }

  /// Fills `buffer` with the bytes from `offset` on, which are in the file as it was opened, and keeps
  /// none; false where they cannot be read.
  ///
  /// Who asks for bytes behind the last ones gets them from what was read ahead.
  func scan(_ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Bool {
    state.withLock { state in
      unsafe state.ahead.copy(from: offset, into: buffer, end: byteCount) {
        unsafe read(at: $0, into: $1)
      } == nil
    }
  }

  /// Reads what the file had of a block when it was opened; says why not all of that is there.
  private func read(
    _ block: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) -> MemoryImageError? {
    let start = block * Self.blockByteCount
    let wanted = min(Self.blockByteCount, byteCount - start)
    return unsafe read(
      at: start, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(wanted)]))
  }

  /// Fills `buffer` with the bytes from `start` on; says why not all of them are there.
  private func read(
    at start: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) -> MemoryImageError? {
    let wanted = UInt64(buffer.count)
    var done: UInt64 = 0
    while done < wanted, let base = buffer.baseAddress {
      // SAFETY: the buffer has `wanted` bytes.
      let result = unsafe ckvm_read_at(
        fileDescriptor, base + Int(done), wanted - done, start + done)
      if result == -Int64(EINTR) { continue }
      if result < 0 { return .unreadable(errorNumber: Int32(-result)) }
      if result == 0 { return .shortened(byteCount: start + done, openedByteCount: byteCount) }
      done += UInt64(result)
    }
    return nil
  }
}

extension FileBlocks {
  /// A descriptor and the size of the file at `path`, and a directory for its blocks.
  private static func open(
    _ path: String
  ) throws(MemoryImageError) -> (CInt, UInt64, UnsafeMutableRawPointer) {
    // SAFETY: the string outlives the call.
    let opened = unsafe path.withCString { unsafe ckvm_open_to_read($0) }
    guard opened >= 0 else { throw .unreadable(errorNumber: Int32(-opened)) }
    let size = ckvm_regular_file_size(CInt(opened))
    do throws(MemoryImageError) {
      if size == 0 { throw .empty }
      if size == -Int64(ENODEV) { throw .notAFile }
      if size < 0 { throw .unreadable(errorNumber: Int32(-size)) }
      return (CInt(opened), UInt64(size), try unsafe makeDirectory(byteCount: UInt64(size)))
    } catch {
      _ = ckvm_close(CInt(opened))
      throw error
    }
  }

  private static func directoryByteCount(_ byteCount: UInt64) -> UInt64 {
    (byteCount / blockByteCount + 1) * 8
  }

  private static func makeDirectory(
    byteCount: UInt64
  ) throws(MemoryImageError) -> UnsafeMutableRawPointer {
    var address: UnsafeMutableRawPointer?
    // SAFETY: `address` is a variable of this call.
    let result = unsafe ckvm_map(
      directoryByteCount(byteCount), CKVM_PROT_READ | CKVM_PROT_WRITE,
      CKVM_MAP_PRIVATE | CKVM_MAP_ANONYMOUS | CKVM_MAP_NORESERVE, -1, 0, &address)
    guard result >= 0, let mapped = unsafe address else {
      throw .tooLarge(byteCount: byteCount, errorNumber: Int32(-result))
    }
    return unsafe mapped
  }
}

/// What changes while blocks are read.
struct FileBlockState: Sendable {
  /// Why the first block that could not be read could not.
  var failure: MemoryImageError?
  /// The addresses of the blocks that are kept.
  var kept: [UInt] = []
  /// The blocks that are not.
  var window = FileWindow()
  /// What was read ahead of a scan.
  var ahead = ReadAhead()
}
