// MemoryPiece: a range of physical memory that stands in a file of its own, or in a part of one.

public import MMU

/// A range of physical memory, and the file that holds it.
///
/// Memory files of Firecracker, cloud-hypervisor and QEMU's memory backends leave out the hole below 4 GiB:
/// what lies above it stands right behind what lies below.
public struct MemoryPiece: Hashable, Sendable {
  /// The first address, a multiple of 8.
  public var physicalAddress: GuestPhysicalAddress
  /// The file.
  public var path: String
  /// Where the range starts in the file, in bytes, a multiple of 8.
  public var offset: UInt64
  /// How many bytes it has; nil for all up to the file's end.
  public var byteCount: UInt64?

  /// Names a range and its place.
  public init(
    physicalAddress: GuestPhysicalAddress, path: String, offset: UInt64 = 0,
    byteCount: UInt64? = nil
  ) {
    self.physicalAddress = physicalAddress
    self.path = path
    self.offset = offset
    self.byteCount = byteCount
  }
}

extension MemoryImage {
  /// So many pieces are taken at most.
  private static var pieceLimit: Int { 1024 }

  /// Opens the files of `pieces`, which must not overlap in physical memory.
  ///
  /// - Throws: ``MemoryImageError``.
  ///
  /// - Complexity: O(n log n) in the number of pieces.
  public init(pieces: [MemoryPiece]) throws(MemoryImageError) {
    guard !pieces.isEmpty else { throw .invalidPiece(index: 0, reason: "is missing") }
    guard pieces.count <= Self.pieceLimit else {
      throw .invalidPiece(index: Self.pieceLimit, reason: "is one too many")
    }
    var parts = ByteParts<PieceFiles.Part>()
    var segments: [MemorySegment] = []
    for (index, piece) in pieces.enumerated() {
      let (part, byteCount) = try Self.part(index, piece)
      segments.append(
        MemorySegment(
          physicalAddress: piece.physicalAddress, byteCount: byteCount,
          fileOffset: parts.append(part, byteCount: byteCount)))
    }
    let sorted = segments.sorted { $0.physicalAddress < $1.physicalAddress }
    for (first, second) in zip(sorted, sorted.dropFirst())
    where first.end > second.physicalAddress.rawValue {
      throw .overlappingPieces(first.physicalAddress.rawValue, second.physicalAddress.rawValue)
    }
    self.init(.pieces, segments, CoreNotes(), try FileBytes(PieceFiles(parts)))
  }

  private static func part(
    _ index: Int, _ piece: MemoryPiece
  ) throws(MemoryImageError) -> (part: PieceFiles.Part, byteCount: UInt64) {
    let file: HostFile
    do throws(MemoryImageError) {
      file = try HostFile(path: piece.path)
    } catch {
      throw .invalidPiece(index: index, reason: "('\(piece.path)'): \(error.message)")
    }
    guard piece.offset < file.byteCount else {
      throw .invalidPiece(
        index: index,
        reason: "starts at offset \(piece.offset) of '\(piece.path)', which has"
          + " \(file.byteCount) bytes")
    }
    let rest = file.byteCount - piece.offset
    let byteCount = piece.byteCount ?? rest
    guard byteCount > 0, byteCount <= rest else {
      throw .invalidPiece(
        index: index,
        reason: "has \(byteCount) bytes, and '\(piece.path)' \(rest) from offset \(piece.offset) on"
      )
    }
    guard piece.physicalAddress.rawValue % 8 == 0, piece.offset % 8 == 0 else {
      throw .invalidPiece(index: index, reason: "is not aligned to 8 bytes")
    }
    guard byteCount <= 1 << 52 - piece.physicalAddress.rawValue else {
      throw .invalidPiece(index: index, reason: "ends beyond 52 bits")
    }
    return (PieceFiles.Part(file: file, fileOffset: piece.offset), byteCount)
  }
}
