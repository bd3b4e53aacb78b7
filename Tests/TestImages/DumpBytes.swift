// DumpBytes: dumps of memory in the formats of other programs, written here from their descriptions.

internal import CZlib

/// The bytes of dumps.
public enum DumpBytes {
  static func put(_ number: UInt64, _ size: Int, at place: Int, in bytes: inout [UInt8]) {
    for index in 0..<size {
      bytes[place + index] = UInt8(truncatingIfNeeded: number >> UInt64(index * 8))
    }
  }

  /// A LiME dump: a header of 32 bytes before each range.
  public static func lime(_ ranges: [(address: UInt64, bytes: [UInt8])]) -> [UInt8] {
    ranges.flatMap { range in
      var header = [UInt8](repeating: 0, count: 32)
      put(0x4c69_4d45, 4, at: 0, in: &header)
      put(1, 4, at: 4, in: &header)
      put(range.address, 8, at: 8, in: &header)
      put(range.address + UInt64(range.bytes.count) - 1, 8, at: 16, in: &header)
      return header + range.bytes
    }
  }

  /// How pages are written into a kdump.
  public enum Compression: UInt32, Sendable {
    case none = 0
    case zlib = 1
    /// Only said: the bytes are as they are.
    case lzo = 2
    case snappy = 4
    case zstandard = 0x20
  }

  /// A compressed kdump with these pages of 4096 bytes, by frame number.
  public static func kdump(
    _ pages: [(frame: UInt64, bytes: [UInt8])], compression: Compression = .zlib,
    version: UInt64 = 6, notes: [UInt8] = [], information: String = "", isSplit: Bool = false
  ) -> [UInt8] {
    let limit = (pages.map(\.frame).max() ?? 0) + 1
    let half = Int((limit + 8 * 4096 - 1) / (8 * 4096))
    var header = [UInt8](repeating: 0, count: 4096)
    header.replaceSubrange(0..<8, with: Array("KDUMP   ".utf8))
    put(version, 4, at: 8, in: &header)
    put(4096, 4, at: 428, in: &header)
    put(1, 4, at: 432, in: &header)
    put(UInt64(half * 2), 4, at: 436, in: &header)
    put(min(limit, UInt64(UInt32.max)), 4, at: 440, in: &header)
    var second = [UInt8](repeating: 0, count: 4096)
    put(isSplit ? 1 : 0, 4, at: 12, in: &second)
    put(limit, 8, at: 96, in: &second)
    // The notes and VMCOREINFO stand behind the fields of the second header.
    let words = Array(information.utf8)
    if !words.isEmpty {
      put(4096 + 1024, 8, at: 32, in: &second)
      put(UInt64(words.count), 8, at: 40, in: &second)
      second.replaceSubrange(1024..<1024 + words.count, with: words)
    }
    if !notes.isEmpty {
      put(4096 + 2048, 8, at: 48, in: &second)
      put(UInt64(notes.count), 8, at: 56, in: &second)
      second.replaceSubrange(2048..<2048 + notes.count, with: notes)
    }
    var bitmap = [UInt8](repeating: 0, count: half * 4096)
    let sorted = pages.sorted { $0.frame < $1.frame }
    for page in sorted { bitmap[Int(page.frame / 8)] |= 1 << UInt8(page.frame % 8) }
    var descriptors: [UInt8] = []
    var content: [UInt8] = []
    let start = (2 + half * 2) * 4096 + sorted.count * 24
    for page in sorted {
      let packed = compression == .zlib ? packed(page.bytes) : page.bytes
      var descriptor = [UInt8](repeating: 0, count: 24)
      put(UInt64(start + content.count), 8, at: 0, in: &descriptor)
      put(UInt64(packed.count), 4, at: 8, in: &descriptor)
      put(UInt64(compression.rawValue), 4, at: 12, in: &descriptor)
      descriptors += descriptor
      content += packed
    }
    return header + second + bitmap + bitmap + descriptors + content
  }

  private static func packed(_ bytes: [UInt8]) -> [UInt8] {
    var length = compressBound(uLong(bytes.count))
    var result = [UInt8](repeating: 0, count: Int(length))
    // SAFETY: zlib writes at most `length` bytes, which is what the array has.
    guard unsafe compress(&result, &length, bytes, uLong(bytes.count)) == Z_OK else { return [] }
    return Array(result.prefix(Int(length)))
  }

  /// makedumpfile's flattened format: pieces in the order in which they were written.
  public static func flattened(_ pieces: [(offset: UInt64, bytes: [UInt8])]) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 4096)
    bytes.replaceSubrange(0..<12, with: Array("makedumpfile".utf8))
    bytes[23] = 1
    bytes[31] = 1
    func append(_ number: UInt64) {
      for index in (0..<8).reversed() {
        bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(index * 8)))
      }
    }
    for piece in pieces {
      append(piece.offset)
      append(UInt64(piece.bytes.count))
      bytes += piece.bytes
    }
    append(.max)
    append(.max)
    return bytes
  }
}
