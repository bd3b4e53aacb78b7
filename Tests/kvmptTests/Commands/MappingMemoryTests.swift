// How much memory a mapping takes, beside the guest's own.

import Foundation
import Glibc
import TestHosts
import Testing

@testable import kvmpt

@Suite("Memory grows with mappings by at most a kilobyte for each, beside the guest's own")
struct MappingMemoryTests {
  /// With fewer, what every run takes, however little there is to do, is still growing.
  static let counts = (few: 10_000, many: 30_000)

  /// Mappings of a page each, at a distance of `stride` bytes.
  private static func file(mappingCount: Int, stride: Int) throws -> TemporaryFile {
    var text = "memory: 1GiB\nmappings:\n"
    for index in 0..<mappingCount {
      text += """
          - name: mapping number \(index)
            linear: 0x\(String(0x1000_0000 + index * stride, radix: 16))
            physical: 0x\(String(0x1000_0000 + index * 0x1000, radix: 16))
            size: 4KiB
            rights: rw-

        """
    }
    return try TemporaryFile(text)
  }

  /// The most bytes that a run had of its own, of those times at which it was looked at, and how
  /// often that was.
  ///
  /// The run stands still while it is looked at: what moves would be counted twice. So a busy host
  /// makes the test slow, and changes nothing that it sees.
  private static func peak(
    _ arguments: [String], every microseconds: UInt32
  ) throws -> (byteCount: Int, lookCount: Int) {
    var most = 0
    var count = 0
    let run = try ProgramRun(arguments) { process in
      while true {
        kill(process, SIGSTOP)
        let byteCount = hasStopped(process) ? ownMemory(of: process) : nil
        kill(process, SIGCONT)
        guard let byteCount, byteCount > 0 else { return }
        most = max(most, byteCount)
        count += 1
        usleep(microseconds)
      }
    }
    try #require(run.exitCode == 0, "\(run.errors.prefix(300))")
    return (most, count)
  }

  /// Waits until every thread of a process stands still; false when it has ended.
  private static func hasStopped(_ process: pid_t) -> Bool {
    let limit = ContinuousClock.now + .seconds(300)
    while ContinuousClock.now < limit {
      let states = threadStates(of: process)
      if states.isEmpty || states.contains("Z") { return false }
      if states.allSatisfy({ $0 == "T" }) { return true }
      usleep(50)
    }
    return false
  }

  /// The letters by which the kernel says what the threads of a process do.
  private static func threadStates(of process: pid_t) -> [Character] {
    let folder = "/proc/\(process)/task"
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return threads.compactMap { thread in
      // The name, which may hold spaces, stands in parentheses before the state.
      let status = try? String(contentsOfFile: "\(folder)/\(thread)/stat", encoding: .utf8)
      return status?.split(separator: ")").last?.first { $0 != " " }
    }
  }

  /// The memory of a process that belongs to no file, as guest memory does, in bytes.
  ///
  /// 0 when the process has ended.
  private static func ownMemory(of process: pid_t) -> Int? {
    guard let maps = try? String(contentsOfFile: "/proc/\(process)/smaps", encoding: .utf8)
    else { return nil }
    var isGuestMemory = false
    var sum = 0
    for line in maps.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count >= 5, words[0].contains("-") { isGuestMemory = line.contains("memfd:") }
      if words.first == "Anonymous:", !isGuestMemory { sum += Int(words[1]) ?? 0 }
    }
    return sum * 1024
  }

  /// `stride` says how far apart the mappings are: two pages, so that few tables hold many
  /// mappings, or two megabytes, so that each has a table of its own.
  private static func expectLittle(
    _ command: String, stride: Int, every microseconds: UInt32
  ) throws {
    let files = try [counts.few, counts.many].map { try file(mappingCount: $0, stride: stride) }
    // Standing still counts as time.
    let limit = command == "verify" ? ["--timeout", "30m"] : []
    let (few, many) = try withExtendedLifetime(files) {
      (
        try peak([command, files[0].path] + limit, every: microseconds),
        try peak([command, files[1].path] + limit, every: microseconds)
      )
    }
    let each = (many.byteCount - few.byteCount) / (counts.many - counts.few)
    print(
      "memory for a mapping: \(each) bytes by \(command), stride \(stride)",
      "(\(few.lookCount) and \(many.lookCount) looks)")
    // A run that was hardly looked at shows nothing.
    #expect(few.lookCount >= 20 && many.lookCount >= 20)
    #expect((64...1024).contains(each))
  }

  @Test("To read and check a file")
  func check() throws {
    try Self.expectLittle("check", stride: 0x2000, every: 4000)
  }

  @Test(
    "To prove it", .enabled(if: Host.hasKVM, "needs /dev/kvm"), arguments: [0x2000, 0x20_0000])
  func verify(stride: Int) throws {
    try Self.expectLittle("verify", stride: stride, every: 15_000)
  }
}
