// KdumpFile: the headers of a compressed kdump, read with every number in doubt.

internal import MMU

/// What the headers of a compressed kdump say, as makedumpfile and QEMU's `dump-guest-memory -z` write it.
///
/// Its memory stands page by page, each compressed for itself, so the places of ``segments`` are not those
/// of the file but of a ``KdumpPages``: the page of number `n` among those that were dumped starts at
/// `n * 4096`.
///
/// Sources: makedumpfile, IMPLEMENTATION and diskdump_mod.h (`struct disk_dump_header`,
/// `struct kdump_sub_header`); QEMU, include/sysemu/dump.h (`DiskDumpHeader64`, `KdumpSubHeader64`).
struct KdumpFile {
  /// The ranges of memory, by address.
  private(set) var segments: [MemorySegment] = []
  /// What the notes say.
  private(set) var notes = CoreNotes()
  /// How many pages were dumped.
  private(set) var pageCount: UInt64 = 0
  /// Where the descriptors of the pages start in the file.
  let descriptorOffset: UInt64

  static let pageByteCount: UInt64 = 4096
  static let descriptorByteCount: UInt64 = 24
  private static let segmentLimit = 1 << 20

  /// True when the file starts as a compressed kdump does.
  static func isKdump(_ file: borrowing FileBytes) -> Bool {
    // "KDUMP   "
    file.load(UInt64.self, at: 0) == 0x2020_2050_4d55_444b
  }

  /// Reads the headers, the notes and the bitmap of the pages that were dumped.
  ///
  /// - Throws: ``MemoryImageError`` when one of them cannot be true.
  ///
  /// - Complexity: O(n) in the pages of the machine's memory, a bit for each.
  init(_ file: borrowing FileBytes) throws(MemoryImageError) {
    guard let blockByteCount = file.load(UInt32.self, at: 428),
      let subHeaderBlocks = file.load(UInt32.self, at: 432),
      let bitmapBlocks = file.load(UInt32.self, at: 436),
      let version = file.load(UInt32.self, at: 8)
    else { throw Self.damaged(0, "the header does not fit into the file") }
    guard blockByteCount == 4096 else {
      throw Self.damaged(428, "a block has \(blockByteCount) bytes instead of 4096")
    }
    guard subHeaderBlocks >= 1, bitmapBlocks >= 2 else {
      throw Self.damaged(432, "there is no second header, or no bitmap")
    }
    let bitmapOffset = (1 + UInt64(subHeaderBlocks)) * Self.pageByteCount
    let bitmapByteCount = UInt64(bitmapBlocks) * Self.pageByteCount
    descriptorOffset = bitmapOffset + bitmapByteCount
    guard file.contains(bitmapOffset, byteCount: bitmapByteCount) else {
      throw Self.damaged(bitmapOffset, "the bitmap does not fit into the file")
    }
    try readSubHeader(version, file)
    // The first half says which pages there are, the second one which of them were dumped. Behind the last
    // page its bits are 0.
    let half = bitmapByteCount / 2
    try readBitmap(at: bitmapOffset + half, byteCount: half, file)
    guard pageCount > 0 else { throw .noMemory }
    guard file.contains(descriptorOffset, byteCount: pageCount * Self.descriptorByteCount) else {
      throw Self.damaged(
        descriptorOffset, "the descriptors of \(pageCount) pages do not fit into the file")
    }
  }

  /// The second header, which stands in block 1.
  private mutating func readSubHeader(
    _ version: UInt32, _ file: borrowing FileBytes
  ) throws(MemoryImageError) {
    let place = Self.pageByteCount
    guard let isSplit = file.load(UInt32.self, at: place + 12),
      let informationOffset = file.load(UInt64.self, at: place + 32),
      let informationByteCount = file.load(UInt64.self, at: place + 40),
      let noteOffset = file.load(UInt64.self, at: place + 48),
      let noteByteCount = file.load(UInt64.self, at: place + 56)
    else { throw Self.damaged(place, "the second header does not fit into the file") }
    guard version < 2 || isSplit == 0 else {
      throw Self.damaged(
        place + 12,
        "it is one part of a split dump: put the parts together (makedumpfile --reassemble)")
    }
    if version >= 4, noteByteCount > 0 {
      guard file.contains(noteOffset, byteCount: noteByteCount) else {
        throw Self.damaged(place + 48, "the notes do not fit into the file")
      }
      try notes.read(from: noteOffset, byteCount: noteByteCount, file)
    }
    guard version >= 3, informationByteCount > 0, informationByteCount <= 1 << 16,
      notes.kernelTables == nil
    else { return }
    guard file.contains(informationOffset, byteCount: informationByteCount) else {
      throw Self.damaged(place + 32, "VMCOREINFO does not fit into the file")
    }
    notes.kernelTables = KernelTables(
      CoreNotes.text(at: informationOffset, byteCount: informationByteCount, file))
  }

  /// Takes the runs of bits that are set.
  private mutating func readBitmap(
    at start: UInt64, byteCount: UInt64, _ file: borrowing FileBytes
  ) throws(MemoryImageError) {
    var run: Range<UInt64>?
    for offset in stride(from: 0, to: byteCount, by: 8) {
      // The bitmap has whole blocks.
      guard var word = file.load(UInt64.self, at: start + offset) else {
        throw Self.damaged(start + offset, "the bitmap cannot be read")
      }
      while word != 0 {
        let first = UInt64(word.trailingZeroBitCount)
        let length = UInt64((~(word >> first)).trailingZeroBitCount)
        let page = offset * 8 + first
        if let open = run, open.upperBound == page {
          run = open.lowerBound..<page + length
        } else {
          if let open = run { try append(open) }
          run = page..<page + length
        }
        word &= first + length >= 64 ? 0 : ~0 << (first + length)
      }
    }
    if let open = run { try append(open) }
  }

  private mutating func append(_ pages: Range<UInt64>) throws(MemoryImageError) {
    guard segments.count < Self.segmentLimit else {
      throw .tooManySegments(UInt64(segments.count) + 1)
    }
    guard pages.upperBound <= 1 << 40 else {
      throw .segmentTooHigh(
        index: segments.count, physicalAddress: pages.lowerBound &* Self.pageByteCount,
        byteCount: UInt64(pages.count) &* Self.pageByteCount)
    }
    segments.append(
      MemorySegment(
        physicalAddress: GuestPhysicalAddress(truncating: pages.lowerBound * Self.pageByteCount),
        byteCount: UInt64(pages.count) * Self.pageByteCount,
        fileOffset: pageCount * Self.pageByteCount))
    pageCount += UInt64(pages.count)
  }

  static func damaged(_ offset: UInt64, _ reason: String) -> MemoryImageError {
    .damaged(format: "kdump", offset: offset, reason: reason)
  }
}
