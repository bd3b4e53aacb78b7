// FileBlocks: the blocks of a source that have been read, and where they are in memory.

internal import CAtomics
import Synchronization

/// The blocks of one source; any thread may ask for a byte.
@safe final class FileBlocks: @unchecked Sendable {
  /// How many bytes the source has.
  let byteCount: UInt64
  /// For each block its address in this process, ``lost``, or 0 where it has not been read yet.
  let directory: UnsafeMutableRawPointer
  /// The owner of ``directory``.
  private let words: LazyWords
  private let source: any ByteSource
  private let state = Mutex(FileBlockState())

  /// The size of a block.
  static let blockByteCount: UInt64 = 4096
  /// In the directory, where no block has this address: the block cannot be read.
  static let lost: UInt64 = 1
  /// So many blocks are kept, a GiB; any others are read through a window.
  static let keptLimit = 1 << 18

  /// Has no block yet.
  ///
  /// - Throws: ``MemoryImageError/tooLarge(byteCount:errorNumber:)``.
  init(_ source: any ByteSource) throws(MemoryImageError) {
    byteCount = source.byteCount
    words = try LazyWords(count: byteCount / Self.blockByteCount + 1, ofSource: byteCount)
    unsafe directory = words.address
    self.source = source
  }

  deinit {
    state.withLock { state in
      for address in state.kept {
        // SAFETY: the blocks were allocated by `keep` and are freed nowhere else.
        unsafe UnsafeMutableRawPointer(bitPattern: address)?.deallocate()
      }
    }
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
          if case .failure(let error) = result, error != .noMemory {
            state.failure = state.failure ?? error
          }
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
    unsafe catomic_load_acquire(directory + Int(block * 8))
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
      // A source that finds no memory somewhere has failed in nothing.
      if error != .noMemory { state.failure = state.failure ?? error }
      unsafe buffer.deallocate()
    } else if let start = buffer.baseAddress {
      state.kept.append(UInt(bitPattern: start))
      state.keptBlocks.append(block)
      address = UInt64(UInt(bitPattern: start))
    }
    unsafe catomic_store_release(directory + Int(block * 8), address)
  }

  /// Fills `buffer` with the bytes from `offset` on, which are in the file as it was opened, and keeps
  /// none; false where they cannot be read.
  ///
  /// Who asks for bytes behind the last ones gets them from what was read ahead.
  func scan(_ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Bool {
    state.withLock { state in
      unsafe state.ahead.copy(from: offset, into: buffer, end: byteCount) {
        unsafe source.read(at: $0, into: $1)
      } == nil
    }
  }

  /// How many of the blocks that are kept are not any more what the source has; nil where that cannot be
  /// found out.
  ///
  /// - Complexity: O(n) in the blocks that are kept.
  func changedBlockCount() -> Int? {
    state.withLock { state in
      var changed = 0
      var now = [UInt8](repeating: 0, count: Int(Self.blockByteCount))
      for block in state.keptBlocks {
        let wanted = Int(min(Self.blockByteCount, byteCount - block * Self.blockByteCount))
        // SAFETY: the array has a block's bytes, and the directory the address of one that is kept.
        let isSame: Bool? = unsafe now.withUnsafeMutableBytes { bytes in
          guard unsafe read(block, into: bytes) == nil,
            let kept = unsafe UnsafeRawPointer(bitPattern: UInt(address(of: block)))
          else { return nil }
          return unsafe UnsafeRawBufferPointer(start: kept, count: wanted)
            .elementsEqual(bytes[..<wanted])
        }
        guard let isSame else { return nil }
        if !isSame { changed += 1 }
      }
      return changed
    }
  }

  /// Reads what the source has of a block; says why not all of that is there.
  private func read(
    _ block: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) -> MemoryImageError? {
    let start = block * Self.blockByteCount
    let wanted = min(Self.blockByteCount, byteCount - start)
    return unsafe source.read(
      at: start, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(wanted)]))
  }
}

/// What changes while blocks are read.
struct FileBlockState: Sendable {
  /// Why the first block that could not be read could not.
  var failure: MemoryImageError?
  /// The addresses of the blocks that are kept.
  var kept: [UInt] = []
  /// Their numbers.
  var keptBlocks: [UInt64] = []
  /// The blocks that are not.
  var window = FileWindow()
  /// What was read ahead of a scan.
  var ahead = ReadAhead()
}
