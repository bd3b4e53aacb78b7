// KernelBytes: an ELF64 kernel put together byte by byte.
//
// Source: System V ABI, chapters 4 and 5.

/// The file of a kernel.
package struct KernelBytes {
  package struct Segment {
    package var linear: UInt64
    package var physical: UInt64
    package var bytes: [UInt8]
    package var memoryByteCount: UInt64
    /// 1 execute, 2 write, 4 read.
    package var flags: UInt32

    package init(
      linear: UInt64, physical: UInt64, bytes: [UInt8], memoryByteCount: UInt64, flags: UInt32
    ) {
      self.linear = linear
      self.physical = physical
      self.bytes = bytes
      self.memoryByteCount = memoryByteCount
      self.flags = flags
    }
  }

  package var entry: UInt64
  package var segments: [Segment]
  package var symbols: [(name: String, value: UInt64, size: UInt64)] = []
  /// The address in a PVH note.
  package var pvhEntry: UInt32?

  package init(
    entry: UInt64, segments: [Segment],
    symbols: [(name: String, value: UInt64, size: UInt64)] = [], pvhEntry: UInt32? = nil
  ) {
    self.entry = entry
    self.segments = segments
    self.symbols = symbols
    self.pvhEntry = pvhEntry
  }

  package static func words(_ values: [UInt64], byteCount: Int = 8) -> [UInt8] {
    values.flatMap { value in
      (0..<byteCount).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
    }
  }

  /// The bytes of the file.
  package var file: [UInt8] {
    let headerCount = segments.count + (pvhEntry == nil ? 0 : 1)
    var content: [UInt8] = []
    let contentStart = 64 + headerCount * 56
    var headers: [UInt8] = []
    func header(
      _ type: UInt64, _ flags: UInt64, _ linear: UInt64, _ physical: UInt64, _ bytes: [UInt8],
      _ size: UInt64
    ) {
      headers += Self.words([type, flags], byteCount: 4)
      headers += Self.words([
        UInt64(contentStart + content.count), linear, physical, UInt64(bytes.count), size, 4096,
      ])
      content += bytes
    }
    for segment in segments {
      header(
        1, UInt64(segment.flags), segment.linear, segment.physical, segment.bytes,
        segment.memoryByteCount)
    }
    if let pvhEntry {
      let note = Self.words([4, 4, 18, 0x6e_6558, UInt64(pvhEntry)], byteCount: 4)
      header(4, 4, 0, 0, note, UInt64(note.count))
    }
    var names: [UInt8] = [0]
    var table = [UInt8](repeating: 0, count: 24)
    for symbol in symbols {
      table += Self.words([UInt64(names.count)], byteCount: 4) + [0x12, 0, 1, 0]
      table += Self.words([symbol.value, symbol.size])
      names += Array(symbol.name.utf8) + [0]
    }
    let tableStart = contentStart + content.count
    let namesStart = tableStart + table.count
    let sectionsStart = namesStart + names.count
    func section(_ type: UInt64, _ offset: Int, _ size: Int, _ link: UInt64) -> [UInt8] {
      Self.words([0, type], byteCount: 4)
        + Self.words([0, 0, UInt64(offset), UInt64(size)])
        + Self.words([link, 0], byteCount: 4) + Self.words([1, type == 2 ? 24 : 0])
    }
    var head: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    head += Self.words([2, 62], byteCount: 2) + Self.words([1], byteCount: 4)
    head += Self.words([entry, 64, UInt64(sectionsStart)]) + [0, 0, 0, 0]
    head += Self.words([64, 56, UInt64(headerCount), 64, 3, 0], byteCount: 2)
    return head + headers + content + table + names
      + section(0, 0, 0, 0) + section(2, tableStart, table.count, 2)
      + section(3, namesStart, names.count, 0)
  }
}
