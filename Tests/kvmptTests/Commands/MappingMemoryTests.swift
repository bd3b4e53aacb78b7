// How much memory a mapping takes, beside the guest's own.

import Glibc
import TestHosts
import Testing

@testable import kvmpt

@Suite("Memory grows with mappings by at most a kilobyte for each, beside the guest's own")
struct MappingMemoryTests {
  /// With fewer, what every run takes, however little there is to do, is still growing.
  static let counts = (few: 10_000, many: 30_000)

  /// Mappings of a page each with a page between them, so that few tables hold many mappings.
  private static func file(mappingCount: Int) throws -> TemporaryFile {
    var text = "memory: 1GiB\nmappings:\n"
    for index in 0..<mappingCount {
      text += """
          - name: mapping number \(index)
            linear: 0x\(String(0x1000_0000 + index * 0x2000, radix: 16))
            physical: 0x\(String(0x1000_0000 + index * 0x1000, radix: 16))
            size: 4KiB
            rights: rw-

        """
    }
    return try TemporaryFile(text)
  }

  /// The most bytes that a run had of its own, of those times at which it was looked at, and how
  /// often that was.
  private static func peak(_ arguments: [String]) throws -> (byteCount: Int, lookCount: Int) {
    var most = 0
    var count = 0
    let run = try ProgramRun(arguments) { process in
      while let byteCount = ownMemory(of: process), byteCount > 0 {
        most = max(most, byteCount)
        count += 1
        usleep(1000)
      }
    }
    try #require(run.exitCode == 0, "\(run.errors.prefix(300))")
    return (most, count)
  }

  /// The memory of a process that belongs to no file, as guest memory does, in bytes.
  ///
  /// 0 when the process has ended.
  private static func ownMemory(of process: pid_t) -> Int? {
    // SAFETY: Swift passes strings that live for the call; the buffer is as long as said.
    guard let file = unsafe fopen("/proc/\(process)/smaps", "r") else { return nil }
    defer { unsafe fclose(file) }
    var line = [CChar](repeating: 0, count: 512)
    var isGuestMemory = false
    var sum = 0
    while unsafe fgets(&line, Int32(line.count), file) != nil {
      let text = String(
        decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      let words = text.split(whereSeparator: \.isWhitespace)
      if words.count >= 5, words[0].contains("-") { isGuestMemory = text.contains("memfd:") }
      if words.first == "Anonymous:", !isGuestMemory { sum += Int(words[1]) ?? 0 }
    }
    return sum * 1024
  }

  private static func expectLittle(_ arguments: [String]) throws {
    let files = try [counts.few, counts.many].map { try file(mappingCount: $0) }
    let few = try peak(arguments + [files[0].path])
    let many = try peak(arguments + [files[1].path])
    let each = (many.byteCount - few.byteCount) / (counts.many - counts.few)
    print("memory for a mapping: \(each) bytes by \(arguments) (\(many.lookCount) looks)")
    // A run that was hardly looked at shows nothing.
    #expect(few.lookCount >= 20 && many.lookCount >= 20)
    #expect((64...1024).contains(each))
  }

  @Test("To read and check a file")
  func check() throws {
    try Self.expectLittle(["check"])
  }

  @Test("To prove it", .enabled(if: Host.hasKVM, "needs /dev/kvm"))
  func verify() throws {
    try Self.expectLittle(["verify"])
  }
}
