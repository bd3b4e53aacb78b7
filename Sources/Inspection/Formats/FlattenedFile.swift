// FlattenedFile: a file that was written to a stream, piece by piece.

/// A file in makedumpfile's flattened format: pieces with their offsets, later ones over earlier ones.
///
/// Source: makedumpfile, IMPLEMENTATION ("flattened format") and makedumpfile.h
/// (`struct makedumpfile_header`, `struct makedumpfile_data_header`); numbers are big-endian.
final class FlattenedFile: ByteSource {
  private let file: FileBytes
  /// The pieces by offset; they do not overlap.
  private let pieces: [Piece]
  let byteCount: UInt64

  /// Bytes that stand in the stream.
  private struct Piece {
    let offset: UInt64
    let byteCount: UInt64
    let place: UInt64
    var end: UInt64 { offset + byteCount }
  }

  private static let headerByteCount: UInt64 = 4096
  private static let pieceLimit = 1 << 20

  /// True when the file starts as a flattened one does.
  static func isFlattened(_ file: borrowing FileBytes) -> Bool {
    // "makedumpfile" and zeros
    file.load(UInt64.self, at: 0) == 0x706d_7564_656b_616d
      && file.load(UInt64.self, at: 8) == 0x656c_6966
  }

  /// Reads the headers of the pieces.
  ///
  /// - Throws: ``MemoryImageError`` when one of them cannot be true, or the last one is missing.
  ///
  /// - Complexity: O(n log n) in the number of pieces.
  init(_ file: consuming FileBytes) throws(MemoryImageError) {
    guard file.load(UInt64.self, at: 16)?.byteSwapped == 1,
      file.load(UInt64.self, at: 24)?.byteSwapped == 1
    else { throw Self.damaged(16, "it is not of type 1 and version 1") }
    var found: [Piece] = []
    var place = Self.headerByteCount
    while true {
      guard let offset = file.load(UInt64.self, at: place)?.byteSwapped,
        let byteCount = file.load(UInt64.self, at: place + 8)?.byteSwapped
      else { throw Self.damaged(place, "the stream ends before its last header") }
      if offset == .max && byteCount == .max { break }
      guard byteCount > 0, offset < 1 << 62, byteCount < 1 << 62,
        file.contains(place + 16, byteCount: byteCount)
      else { throw Self.damaged(place, "a piece of \(byteCount) bytes does not fit into the file") }
      guard found.count < Self.pieceLimit else {
        throw Self.damaged(place, "there are more than \(Self.pieceLimit) pieces")
      }
      found.append(Piece(offset: offset, byteCount: byteCount, place: place + 16))
      place += 16 + byteCount
    }
    pieces = Self.disjoint(found)
    guard let end = pieces.last?.end else { throw .empty }
    byteCount = end
    self.file = file
  }

  /// The pieces by offset, of which a later one takes the place of what it overlaps.
  ///
  /// - Complexity: O(n log n).
  private static func disjoint(_ pieces: [Piece]) -> [Piece] {
    // Between two borders every byte has the same owner, the last piece there.
    let borders = Set(pieces.lazy.flatMap { [$0.offset, $0.end] }).sorted()
    var owners = [Int](repeating: -1, count: borders.count)
    /// From each border on, a border that may have no owner yet: chains that are shortened as they are used.
    var free = Array(borders.indices)
    func firstFree(_ start: Int) -> Int {
      var index = start
      while free[index] != index {
        free[index] = free[free[index]]
        index = free[index]
      }
      return index
    }
    for (number, piece) in pieces.enumerated().reversed() {
      var index = firstFree(borders.partitioningIndex { $0 >= piece.offset })
      // The last border ends the last piece and is free for ever.
      while borders[index] < piece.end {
        owners[index] = number
        free[index] = index + 1
        index = firstFree(index)
      }
    }
    return borders.indices.compactMap { index in
      guard owners[index] >= 0 else { return nil }
      let piece = pieces[owners[index]]
      return Piece(
        offset: borders[index], byteCount: borders[index + 1] - borders[index],
        place: piece.place + (borders[index] - piece.offset))
    }
  }

  /// Bytes that no piece has are 0, as in a file with holes.
  func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> MemoryImageError? {
    // SAFETY: the bytes are the caller's.
    _ = unsafe buffer.initializeMemory(as: UInt8.self, repeating: 0)
    let end = offset + UInt64(buffer.count)
    var index = pieces.partitioningIndex { $0.end > offset }
    while index < pieces.count, pieces[index].offset < end {
      let piece = pieces[index]
      let start = max(piece.offset, offset)
      let stop = min(piece.end, end)
      // SAFETY: the part lies inside the buffer.
      let target = unsafe UnsafeMutableRawBufferPointer(
        rebasing: buffer[Int(start - offset)..<Int(stop - offset)])
      guard unsafe file.copy(at: piece.place + (start - piece.offset), to: target) else {
        return file.failure ?? Self.damaged(piece.place, "a piece cannot be read")
      }
      index += 1
    }
    return nil
  }

  private static func damaged(_ offset: UInt64, _ reason: String) -> MemoryImageError {
    .damaged(format: "flattened kdump", offset: offset, reason: reason)
  }
}
