// Segments that overlap, touch and leave gaps, byte by byte against a plain reading of the rule.

import MMU
import TestSupport
import Testing

@testable import Inspection

@Suite("Every byte of an image is that of the segment that starts first")
struct SegmentTests {
  /// Which of the segments holds an address: the one that starts first, then the one that stands first.
  static func owner(
    of address: UInt64, among segments: [(start: UInt64, count: UInt64)]
  ) -> Int? {
    let holding = segments.indices.filter {
      segments[$0].start <= address && address < segments[$0].start + segments[$0].count
    }
    return holding.min { (segments[$0].start, $0) < (segments[$1].start, $1) }
  }

  @Test("Random segments, down to the byte")
  func randomSegments() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    var counts = (words: 0, gaps: 0, overEnds: 0)
    for round in 0..<400 {
      let comment: Comment = "seed \(seed), round \(round)"
      let segments: [(start: UInt64, count: UInt64)] = (0..<1 + random.index(below: 5)).map { _ in
        (
          UInt64(random.index(below: 64)) + 1,
          UInt64(random.index(below: 40)) + (random.index(below: 8) == 0 ? 0 : 1)
        )
      }
      let content = (0..<256).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      let offset = UInt64(64 + segments.count * 56)
      let offsets = segments.map { _ in offset + UInt64(random.index(below: 200)) }
      let core = CoreBytes(
        zip(segments, offsets).map { (1, $1, $0.start, $0.count) }, content)
      guard segments.contains(where: { $0.count > 0 }) else { continue }
      let image = try Inspection.MemoryImage(bytes: core.bytes)
      var held: UInt64 = 0
      for address in 0..<128 as Range<UInt64> {
        let owners = (0..<8).map { Self.owner(of: address + $0, among: segments) }
        let found = image.loadWord(at: GuestPhysicalAddress(truncating: address))
        let segment = image.segment(at: GuestPhysicalAddress(truncating: address))
        #expect((segment != nil) == (owners[0] != nil), comment)
        if owners[0] != nil { held += 1 } else { counts.gaps += 1 }
        guard let owner = owners[0], owners.allSatisfy({ $0 == owner }) else {
          #expect(found == nil, comment)
          if owners[0] != nil { counts.overEnds += 1 }
          continue
        }
        let place = Int(offsets[owner] + address - segments[owner].start)
        let word = (0..<8).reduce(0 as UInt64) {
          $0 | UInt64(core.bytes[place + $1]) << UInt64($1 * 8)
        }
        #expect(found == word, comment)
        counts.words += 1
      }
      #expect(image.byteCount == held, comment)
      let ends = zip(image.segments, image.segments.dropFirst())
      #expect(ends.allSatisfy { $0.end <= $1.physicalAddress.rawValue }, comment)
      #expect(image.segments.allSatisfy { $0.byteCount > 0 }, comment)
    }
    print("segments: \(counts.words) words, \(counts.gaps) gaps, seed \(seed)")
    #expect(counts.words > 4000 && counts.gaps > 4000 && counts.overEnds > 1000)
  }

  @Test("The last word of raw memory, and those that reach over its end", arguments: 8...24)
  func rawEnd(_ byteCount: Int) throws {
    let bytes = (0..<byteCount).map { UInt8($0 + 1) }
    for base in [0, 0x1000, 1 << 52 - UInt64(byteCount) & ~7 - 8] as [UInt64] {
      let image = try Inspection.MemoryImage(
        bytes: bytes, reading: .raw(base: GuestPhysicalAddress(base)))
      for offset in 0..<byteCount + 4 {
        let word = image.loadWord(at: GuestPhysicalAddress(truncating: base + UInt64(offset)))
        let expected: UInt64? =
          offset + 8 <= byteCount
          ? bytes[offset..<offset + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) } : nil
        #expect(word == expected)
      }
    }
  }

  @Test("Memory may end at 2^52 and no byte later, and a base is a multiple of 8")
  func limits() throws {
    let top: UInt64 = 1 << 52
    for (start, isRight) in [(top - 4096, true), (top - 4095, false), (top - 8, false)] {
      let core = CoreBytes([(1, 120, start, 4096)], [UInt8](repeating: 3, count: 4096))
      #expect((MemoryImageTests.error(core.bytes) == "opened with 1 segments") == isRight)
    }
    for (base, isRight) in [
      (top - 16, true), (top - 8, false), (16, true), (12, false), (9, false), (1, false),
    ] as [(UInt64, Bool)] {
      let image = try? Inspection.MemoryImage(
        bytes: [UInt8](repeating: 3, count: 16), reading: .raw(base: GuestPhysicalAddress(base)))
      let isOpen = image != nil
      #expect(isOpen == isRight, "\(base)")
    }
  }

  @Test("The number of headers may stand in a section header")
  func manyHeaders() {
    let content = [UInt8](repeating: 0, count: 4096 + 64)
    for (real, expected) in [
      (2, "opened with 2 segments"), (1, "opened with 1 segments"), (0, "no-memory"),
      (0x10_0001, "too-many-segments"), (0x10_0000, "headers-outside-file"),
    ] as [(UInt32, String)] {
      var core = CoreBytes([(1, 176, 0x1000, 2048), (1, 2224, 0x4000, 2048)], content)
      core.put(UInt16(0xffff), at: 56)
      core.put(UInt64(176 + 4096), at: 40)
      core.put(real, at: 176 + 4096 + 44)
      #expect(MemoryImageTests.error(core.bytes) == expected)
    }
  }
}
