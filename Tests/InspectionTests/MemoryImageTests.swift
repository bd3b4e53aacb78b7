// Memory images: what they hold, and the headers that are refused.

import Inspection
import MMU
import Testing

/// A core that is put together field by field.
struct CoreBytes {
  var bytes: [UInt8]

  /// Headers with `segments` (type, offset, physical address, bytes in the file), then `content`.
  init(
    _ segments: [(type: UInt32, offset: UInt64, physical: UInt64, size: UInt64)], _ content: [UInt8]
  ) {
    bytes = [UInt8](repeating: 0, count: 64 + segments.count * 56)
    bytes.replaceSubrange(0..<6, with: [0x7f, 0x45, 0x4c, 0x46, 2, 1])
    put(UInt16(4), at: 16)
    put(UInt16(62), at: 18)
    put(UInt64(64), at: 32)
    put(UInt16(56), at: 54)
    put(UInt16(segments.count), at: 56)
    for (index, segment) in segments.enumerated() {
      put(segment.type, at: 64 + index * 56)
      put(segment.offset, at: 72 + index * 56)
      put(segment.physical, at: 88 + index * 56)
      put(segment.size, at: 96 + index * 56)
    }
    bytes += content
  }

  mutating func put(_ number: some FixedWidthInteger, at offset: Int) {
    for index in 0..<number.bitWidth / 8 {
      bytes[offset + index] = UInt8(truncatingIfNeeded: number >> (index * 8))
    }
  }

  /// One segment of two pages at 0x10000, filled with 0x11.
  static var plain: CoreBytes {
    CoreBytes([(1, 120, 0x10000, 8192)], [UInt8](repeating: 0x11, count: 8192))
  }
}

@Suite("A memory image holds what its file holds, and lying headers are refused")
struct MemoryImageTests {
  static func error(_ bytes: [UInt8]) -> String {
    do throws(MemoryImageError) {
      let image = try Inspection.MemoryImage(bytes: bytes)
      return "opened with \(image.segments.count) segments"
    } catch {
      return error.id
    }
  }

  @Test("Words are found at their physical addresses and nowhere else")
  func words() throws {
    let image = try Inspection.MemoryImage(bytes: CoreBytes.plain.bytes)
    #expect(image.format == .elfCore)
    let word = image.loadWord(at: GuestPhysicalAddress(truncating: 0x10000))
    #expect(word == 0x1111_1111_1111_1111)
    #expect(image.loadWord(at: GuestPhysicalAddress(truncating: 0x11ff8)) == word)
    #expect(image.loadWord(at: GuestPhysicalAddress(truncating: 0x11ff9)) == nil)
    #expect(image.loadWord(at: GuestPhysicalAddress(truncating: 0xfff8)) == nil)
    #expect(image.loadWord(at: GuestPhysicalAddress(truncating: 0x12000)) == nil)
  }

  @Test("Raw bytes start at their base")
  func raw() throws {
    let base = GuestPhysicalAddress(truncating: 0x4000)
    let image = try Inspection.MemoryImage(
      bytes: [UInt8](repeating: 7, count: 20), reading: .raw(base: base))
    #expect(image.loadWord(at: GuestPhysicalAddress(truncating: 0x4008)) != nil)
    #expect(image.loadWord(at: GuestPhysicalAddress(truncating: 0x4010)) == nil)
    #expect(image.loadWord(at: GuestPhysicalAddress(truncating: 0)) == nil)
  }

  @Test("Where segments overlap, the one that starts first counts")
  func overlap() throws {
    let content = [UInt8](repeating: 1, count: 4096) + [UInt8](repeating: 2, count: 8192)
    let image = try Inspection.MemoryImage(
      bytes: CoreBytes([(1, 176, 0x1000, 4096), (1, 4272, 0x1800, 8192)], content).bytes)
    #expect(image.byteCount == 0x2800)
    #expect(image.loadWord(at: GuestPhysicalAddress(truncating: 0x1ff8)) == 0x0101_0101_0101_0101)
    #expect(image.loadWord(at: GuestPhysicalAddress(truncating: 0x2000)) == 0x0202_0202_0202_0202)
  }

  @Test("Each header that cannot be true is refused by name")
  func lies() {
    func changed(_ change: (inout CoreBytes) -> Void) -> String {
      var core = CoreBytes.plain
      change(&core)
      return Self.error(core.bytes)
    }
    #expect(changed { _ in } == "opened with 1 segments")
    #expect(Self.error([]) == "empty-image")
    #expect(changed { $0.bytes.removeLast() } == "segment-outside-file")
    #expect(changed { $0.bytes.removeSubrange(60...) } == "headers-outside-file")
    #expect(changed { $0.put(UInt16(3), at: 18) } == "wrong-machine")
    #expect(changed { $0.put(UInt8(1), at: 4) } == "wrong-machine")
    #expect(changed { $0.put(UInt16(2), at: 16) } == "not-a-core")
    #expect(changed { $0.put(UInt16(55), at: 54) } == "wrong-header-size")
    #expect(changed { $0.put(UInt16(0), at: 56) } == "no-memory")
    #expect(changed { $0.put(UInt16(0xfffe), at: 56) } == "headers-outside-file")
    #expect(changed { $0.put(UInt16(0xffff), at: 56) } == "no-memory")
    #expect(changed { $0.put(UInt64.max, at: 32) } == "headers-outside-file")
    #expect(changed { $0.put(UInt64.max, at: 72) } == "segment-outside-file")
    #expect(changed { $0.put(UInt64.max, at: 96) } == "segment-outside-file")
    #expect(changed { $0.put(UInt64.max, at: 88) } == "segment-too-high")
    #expect(changed { $0.put(UInt64(1) << 52 - 4096, at: 88) } == "segment-too-high")
    #expect(changed { $0.put(UInt32(0), at: 64) } == "no-memory")
  }

  @Test("A note whose sizes are near 2^32 is refused", arguments: [0, 4])
  func noteSizes(_ field: Int) {
    var core = CoreBytes(
      [(4, 176, 0, 32), (1, 208, 0x1000, 4096)], [UInt8](repeating: 0, count: 32 + 4096))
    #expect(Self.error(core.bytes) == "opened with 1 segments")
    for size in [UInt32.max, UInt32.max - 3, 1 << 31, 64] {
      core.put(size, at: 176 + field)
      #expect(Self.error(core.bytes) == "note-outside-segment", "\(size)")
    }
  }

  @Test("Many headers that share one segment of notes do not multiply the work")
  func sharedNotes() {
    var bytes = CoreBytes(Array(repeating: (4, 0x10000, 0, 0x10000), count: 1000), []).bytes
    bytes += [UInt8](repeating: 0, count: 0x20000 - bytes.count)
    #expect(Self.error(bytes) == "too-many-notes")
  }

  @Test("The core of a process, whose segments are all at 0, is told apart")
  func process() {
    let core = CoreBytes(
      [(1, 176, 0, 4096), (1, 4272, 0, 4096)], [UInt8](repeating: 0, count: 8192))
    #expect(Self.error(core.bytes) == "no-physical-addresses")
  }
}
