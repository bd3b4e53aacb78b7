// Files that become shorter while they are read, and paths that are no files.

import Glibc
import Inspection
import MMU
import TestImages
import Testing

@Suite("An image whose file is shortened loses words, and says so; no signal ends the process")
struct ShortenedImageTests {
  private static func file(byteCount: Int) throws -> ImageFile {
    let file = ImageFile()
    // SAFETY: Swift passes a string that lives for the call and ends with a 0.
    let descriptor = unsafe open(file.path, O_CREAT | O_RDWR, 0o600)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    let bytes = [UInt8](repeating: 0x11, count: byteCount)
    // SAFETY: the kernel reads as many bytes as the array has.
    let written = unsafe bytes.withUnsafeBytes {
      unsafe write(descriptor, $0.baseAddress, $0.count)
    }
    try #require(written == byteCount)
    return file
  }

  private static func word(_ image: borrowing Inspection.MemoryImage, _ address: UInt64) -> UInt64?
  {
    image.loadWord(at: GuestPhysicalAddress(truncating: address))
  }

  @Test("Words that were read stay, words that are gone are nil, and the reason is kept")
  func shortened() throws {
    let file = try Self.file(byteCount: 0x4000)
    let image = try Inspection.MemoryImage(
      path: file.path, reading: .raw(base: GuestPhysicalAddress(truncating: 0)))
    let word: UInt64 = 0x1111_1111_1111_1111
    #expect(Self.word(image, 0x1000) == word)
    #expect(Self.word(image, 0x1ffc) == word)
    try image.requireWhole()
    // SAFETY: Swift passes a string that lives for the call and ends with a 0.
    #expect(unsafe truncate(file.path, 0x800) == 0)
    #expect(Self.word(image, 0x1008) == word)
    #expect(Self.word(image, 0x3000) == nil)
    #expect(Self.word(image, 0x0) == nil)
    #expect(Self.word(image, 0x4000) == nil)
    do {
      try image.requireWhole()
      Issue.record("not noticed")
    } catch {
      #expect(error == .shortened(byteCount: 0x3000, openedByteCount: 0x4000))
      #expect(error.id == "shortened")
    }
  }

  @Test("A file that became longer, or was replaced, is read as it was opened")
  func longer() throws {
    let file = try Self.file(byteCount: 0x1808)
    let image = try Inspection.MemoryImage(
      path: file.path, reading: .raw(base: GuestPhysicalAddress(truncating: 0)))
    // SAFETY: Swift passes strings that live for the calls and end with a 0.
    #expect(unsafe truncate(file.path, 0x9000) == 0)
    #expect(Self.word(image, 0x1800) == 0x1111_1111_1111_1111)
    #expect(Self.word(image, 0x1808) == nil)
    unsafe unlink(file.path)
    #expect(Self.word(image, 0x0) == 0x1111_1111_1111_1111)
    try image.requireWhole()
  }

  @Test("Threads that read one image read the same words")
  func threads() async throws {
    let file = try Self.file(byteCount: 1 << 20)
    let image = Shared(
      try Inspection.MemoryImage(
        path: file.path, reading: .raw(base: GuestPhysicalAddress(truncating: 0))))
    let counts = await withTaskGroup(of: Int.self) { group in
      for start in 0..<4 {
        group.addTask {
          (0..<131_072).count { index in
            let place = (index &+ start * 32_768) % 131_072
            return Self.word(image.value, UInt64(place) * 8) == 0x1111_1111_1111_1111
          }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(counts == [131_072, 131_072, 131_072, 131_072])
    try image.value.requireWhole()
  }

  /// An owner that tasks share.
  private final class Shared: Sendable {
    let value: Inspection.MemoryImage
    init(_ value: consuming Inspection.MemoryImage) { self.value = value }
  }

  @Test(
    "Folders and devices are no images",
    arguments: [
      ("/tmp", MemoryImageError.unreadable(errorNumber: EISDIR)), ("/dev/zero", .notAFile),
    ])
  func noFile(_ path: String, _ expected: MemoryImageError) {
    do {
      _ = try Inspection.MemoryImage(path: path)
      Issue.record("opened")
    } catch {
      #expect(error == expected)
    }
  }
}
