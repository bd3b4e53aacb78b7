// What is read ahead of a scan, and tables that are looked at without being kept.

import Glibc
import MMU
import TestImages
import Testing

@testable import Inspection

@Suite("A scan has the bytes that are asked for, and asks for more at once where they are in order")
struct ReadAheadTests {
  static let end: UInt64 = 1_000_000

  static func byte(_ offset: UInt64) -> UInt8 {
    UInt8(truncatingIfNeeded: offset &* 31 &+ (offset >> 8) &* 7)
  }

  /// What was read ahead, and what was asked of the file.
  final class Machine {
    var ahead = ReadAhead()
    var asked: [Range<UInt64>] = []

    /// Reads `count` bytes; true when they are right.
    func read(_ offset: UInt64, _ count: Int, failsFrom lost: UInt64 = end) -> Bool {
      var asked: [Range<UInt64>] = []
      var bytes = [UInt8](repeating: 0, count: count)
      let failure = unsafe bytes.withUnsafeMutableBytes { bytes in
        unsafe ahead.copy(from: offset, into: bytes, end: ReadAheadTests.end) { start, buffer in
          let range = start..<start + UInt64(buffer.count)
          asked.append(range)
          if range.upperBound > lost { return .unreadable(errorNumber: 5) }
          for place in 0..<buffer.count {
            // SAFETY: the places are those of the buffer.
            unsafe buffer[place] = ReadAheadTests.byte(start + UInt64(place))
          }
          return nil
        }
      }
      self.asked += asked
      return failure == nil
        && bytes.indices.allSatisfy { bytes[$0] == ReadAheadTests.byte(offset + UInt64($0)) }
    }
  }

  @Test("In order, each time twice as many, up to the limit and to the end")
  func inOrder() {
    let machine = Machine()
    var offset: UInt64 = 0x340
    while offset + 4096 <= Self.end {
      #expect(machine.read(offset, 4096), "\(offset)")
      offset += 4096
    }
    let counts = machine.asked.map(\.count)
    #expect(counts.prefix(6) == [4096, 8192, 16384, 32768, 65536, 65536])
    #expect(counts.dropFirst(4).dropLast().allSatisfy { $0 == ReadAhead.limit })
    #expect(machine.asked.last?.upperBound == Self.end)
    for (range, next) in zip(machine.asked, machine.asked.dropFirst()) {
      #expect(range.upperBound == next.lowerBound)
    }
  }

  @Test("Out of order, no more than is asked for, and what is here is not asked for again")
  func outOfOrder() {
    let machine = Machine()
    let offsets: [UInt64] = [8192, 4096, 0, 65536, 65536 + 2048, 65536 - 2048, 65536]
    for offset in offsets { #expect(machine.read(offset, 4096)) }
    #expect(machine.asked.allSatisfy { $0.count == 4096 })
    #expect(machine.asked.map(\.lowerBound) == offsets)
    #expect(machine.read(65536, 4096) && machine.read(65536 + 8, 16) && machine.read(65536, 0))
    #expect(machine.asked.count == offsets.count)
    // The last bytes of what is here, and the first behind it.
    #expect(machine.read(65536 + 4096 - 8, 8) && machine.asked.count == offsets.count)
    #expect(machine.read(65536 + 4096, 8) && machine.asked.last?.count == 8192)
    #expect(machine.read(65536 + 4096 - 8, 8) && machine.asked.last?.count == 8)
  }

  @Test("What cannot be read is asked for again, and leaves nothing of itself")
  func failures() {
    let machine = Machine()
    #expect(machine.read(0, 4096) && machine.read(4096, 4096))
    #expect(!machine.read(12288, 4096, failsFrom: 16384))
    #expect(machine.asked.last == 12288..<28672)
    // The part that was here is gone with it.
    #expect(machine.read(4096, 4096) && machine.asked.last == 4096..<8192)
    #expect(machine.read(12288, 4096) && machine.asked.last == 12288..<16384)
  }

  /// A file of `byteCount` bytes, each word of which is its own offset.
  private static func file(byteCount: Int) throws -> ImageFile {
    let file = ImageFile()
    try write(0..<byteCount / 8, to: file) { UInt64($0) * 8 }
    return file
  }

  private static func image(
    _ file: ImageFile, base: UInt64 = 0
  ) throws -> Inspection.MemoryImage {
    try Inspection.MemoryImage(
      path: file.path, reading: .raw(base: GuestPhysicalAddress(truncating: base)))
  }

  private static func write(
    _ places: Range<Int>, to file: ImageFile, _ word: (Int) -> UInt64
  ) throws {
    // SAFETY: Swift passes a string that lives for the call and ends with a 0.
    let descriptor = unsafe open(file.path, O_CREAT | O_RDWR, 0o600)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    let words = places.map(word)
    // SAFETY: the kernel reads as many bytes as the array has.
    let written = unsafe words.withUnsafeBytes {
      unsafe pwrite(descriptor, $0.baseAddress, $0.count, off_t(places.lowerBound * 8))
    }
    try #require(written == words.count * 8)
  }

  private static func scanned(
    _ image: borrowing Inspection.MemoryImage, _ address: UInt64
  ) -> [UInt64] {
    var words = [UInt64](repeating: 1, count: 512)
    image.scanTable(at: GuestPhysicalAddress(truncating: address), into: &words)
    return words
  }

  @Test("A table is scanned as it is loaded, wherever it is, and words outside are 0")
  func sameAsLoaded() throws {
    let file = try Self.file(byteCount: 0x6800)
    let image = try Self.image(file, base: 0x2000)
    let other = try Self.image(file, base: 0x2000)
    for address in stride(from: 0 as UInt64, to: 0xa000, by: 0x400) {
      var loaded = [UInt64](repeating: 1, count: 512)
      other.loadTable(at: GuestPhysicalAddress(truncating: address), into: &loaded)
      #expect(Self.scanned(image, address) == loaded, "\(address)")
      #expect(loaded[0] == (address < 0x2000 || address >= 0x8800 ? 0 : address - 0x2000))
      for place in [address, address + 8, address + 0x3f8, address + 4] {
        let place = GuestPhysicalAddress(truncating: place)
        let (isThere, word) = (image.hasWord(at: place), image.loadWord(at: place))
        #expect(isThere == (word != nil), "\(place)")
      }
    }
    try image.requireWhole()
  }

  @Test("What was kept stays in a scan; what was not is as it is now, and can be gone")
  func changedFile() throws {
    let file = try Self.file(byteCount: 0x4000)
    let image = try Self.image(file)
    #expect(image.loadWord(at: GuestPhysicalAddress(truncating: 0x1008)) == 0x1008)
    #expect(Self.scanned(image, 0x2000)[1] == 0x2008)
    try Self.write(0..<0x800, to: file) { _ in 7 }
    #expect(Self.scanned(image, 0x1000)[1] == 0x1008)
    #expect(Self.scanned(image, 0x0)[1] == 7)
    #expect(Self.scanned(image, 0x3000)[1] == 7)
    try image.requireWhole()
    // SAFETY: Swift passes a string that lives for the call and ends with a 0.
    #expect(unsafe truncate(file.path, 0x2800) == 0)
    #expect(Self.scanned(image, 0x0)[1] == 7)
    try image.requireWhole()
    #expect(Self.scanned(image, 0x2000) == Array(repeating: 0, count: 512))
    #expect(throws: MemoryImageError.self) { try image.requireWhole() }
    // Where memory was is known without the file.
    let last = GuestPhysicalAddress(truncating: 0x3ff8)
    let (isThere, word) = (image.hasWord(at: last), image.loadWord(at: last))
    #expect(isThere && word == nil)
  }

  @Test("An image in memory is scanned as it is loaded")
  func copied() throws {
    let bytes = (0..<0x3000).map { UInt8(truncatingIfNeeded: $0 >> 3) }
    let image = try Inspection.MemoryImage(bytes: bytes)
    for address in [0, 0x800, 0x1000, 0x2000, 0x2008] as [UInt64] {
      var loaded = [UInt64](repeating: 1, count: 512)
      image.loadTable(at: GuestPhysicalAddress(truncating: address), into: &loaded)
      #expect(Self.scanned(image, address) == loaded)
    }
  }
}
