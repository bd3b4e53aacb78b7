// Writing an image as a sparse file: raw memory, or a core as QEMU writes it.

import CLinux
import Glibc

/// Why a file could not be written.
public struct ImageFileError: Error {
  /// The `errno` of the failed call.
  public let code: Int64
}

extension TableImage {
  /// Writes `byteCount` bytes of raw memory from physical address `base` on.
  public func writeRaw(
    to path: String, byteCount: UInt64, base: UInt64 = 0
  ) throws(ImageFileError) {
    let file = try SparseFile(path: path, byteCount: byteCount)
    try write(to: file) { $0 >= base && $0 - base + 4096 <= byteCount ? $0 - base : nil }
  }

  /// Writes a core with these ranges of memory, whose bytes begin at an odd place of the file.
  ///
  /// `registers` are further words of QEMU's note, by their place in it, and `furtherNotes` stand behind
  /// those about the processors.
  public func writeCore(
    to path: String, ranges: [Range<UInt64>], cr0: UInt64 = 0x8005_0033, cr4: UInt64 = 0xa0,
    processorCount: Int = 1, registers: [Int: UInt64] = [:], furtherNotes: [UInt8] = []
  ) throws(ImageFileError) {
    var header = [UInt8](repeating: 0, count: 64 + 56 * (ranges.count + 1))
    func put(_ number: UInt64, _ size: Int, at place: Int, in bytes: inout [UInt8]) {
      for index in 0..<size {
        bytes[place + index] = UInt8(truncatingIfNeeded: number >> UInt64(index * 8))
      }
    }
    header.replaceSubrange(0..<6, with: [0x7f, 0x45, 0x4c, 0x46, 2, 1])
    put(4, 2, at: 16, in: &header)
    put(62, 2, at: 18, in: &header)
    put(64, 8, at: 32, in: &header)
    put(56, 2, at: 54, in: &header)
    put(UInt64(ranges.count + 1), 2, at: 56, in: &header)
    var notes: [UInt8] = []
    for index in 0..<processorCount {
      var note = [UInt8](repeating: 0, count: 460)
      put(5, 4, at: 0, in: &note)
      put(440, 4, at: 4, in: &note)
      note.replaceSubrange(12..<16, with: [0x51, 0x45, 0x4d, 0x55])
      put(1, 4, at: 20, in: &note)
      put(440, 4, at: 24, in: &note)
      put(cr0, 8, at: 20 + 0x188, in: &note)
      // Each processor has a root of its own, one page after the other.
      put(root + UInt64(index) * 4096, 8, at: 20 + 0x1a0, in: &note)
      put(cr4, 8, at: 20 + 0x1a8, in: &note)
      for (place, word) in registers { put(word, 8, at: 20 + place, in: &note) }
      notes += note
    }
    notes += furtherNotes
    func describe(_ type: UInt64, _ offset: Int, _ physical: UInt64, _ size: UInt64, _ index: Int) {
      put(type, 4, at: 64 + index * 56, in: &header)
      put(UInt64(offset), 8, at: 72 + index * 56, in: &header)
      put(physical, 8, at: 88 + index * 56, in: &header)
      put(size, 8, at: 96 + index * 56, in: &header)
    }
    describe(4, header.count, 0, UInt64(notes.count), 0)
    var places: [(range: Range<UInt64>, offset: UInt64)] = []
    var offset = UInt64(header.count + notes.count)
    for (index, range) in ranges.enumerated() {
      describe(1, Int(offset), range.lowerBound, UInt64(range.count), index + 1)
      places.append((range, offset))
      offset += UInt64(range.count)
    }
    let file = try SparseFile(path: path, byteCount: offset)
    try file.write(header + notes, at: 0)
    try write(to: file) { frame in
      places.first { $0.range.contains(frame) }.map { $0.offset + (frame - $0.range.lowerBound) }
    }
  }

  private func write(
    to file: borrowing SparseFile, offset: (UInt64) -> UInt64?
  ) throws(ImageFileError) {
    for (frame, words) in tables {
      guard let place = offset(frame) else { continue }
      var bytes: [UInt8] = []
      bytes.reserveCapacity(4096)
      for word in words {
        for index in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(index * 8))) }
      }
      try file.write(bytes, at: place)
    }
  }
}

/// A file of a given size that takes room only where it is written.
private struct SparseFile: ~Copyable {
  private let descriptor: CInt

  init(path: String, byteCount: UInt64) throws(ImageFileError) {
    // SAFETY: the string outlives the call.
    let opened = unsafe path.withCString { unsafe open($0, O_RDWR | O_CREAT | O_TRUNC, 0o644) }
    descriptor = opened
    // What failed to open has no size either.
    let result = clinux_set_size(opened, byteCount)
    guard result >= 0 else { throw ImageFileError(code: result) }
  }

  deinit { if descriptor >= 0 { _ = clinux_close(descriptor) } }

  func write(_ bytes: [UInt8], at offset: UInt64) throws(ImageFileError) {
    // SAFETY: the kernel reads as many bytes as the array has.
    let count = unsafe bytes.withUnsafeBytes {
      unsafe pwrite(descriptor, $0.baseAddress, $0.count, off_t(offset))
    }
    guard count == bytes.count else { throw ImageFileError(code: Int64(count)) }
  }
}
