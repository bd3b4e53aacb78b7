// Inputs that change, never come, or are no files.

import Glibc
import TestHosts
import TestImages
import Testing

@testable import kvmpt

@Suite("An input that is no file, is shortened or never comes is an error, and nothing hangs")
struct InputSafetyTests {
  /// A pipe with a name.
  final class Pipe {
    let path = "/tmp/kvmpt-pipe-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"

    init() throws {
      // SAFETY: Swift passes a string that lives for the call and ends with a 0.
      try #require(unsafe mkfifo(path, 0o600) == 0)
    }

    deinit {
      // SAFETY: Swift passes a string that lives for the call and ends with a 0.
      unsafe unlink(path)
    }
  }

  /// The numbers of system calls on x86-64.
  static let poll = 7
  static let openat = 257

  /// True when a program has a file open, by one of its first descriptors.
  private static func hasOpen(_ path: String, _ child: pid_t) -> Bool {
    (3..<32).contains { descriptor in
      var buffer = [CChar](repeating: 0, count: 4096)
      // SAFETY: the buffer is larger than the count given; Swift passes a string that lives for the
      // call and ends with a 0.
      let count = unsafe readlink(
        "/proc/\(child)/fd/\(descriptor)", &buffer, buffer.count - 1)
      let bytes = buffer.prefix(max(0, count)).map(UInt8.init(bitPattern:))
      return String(decoding: bytes, as: UTF8.self) == path
    }
  }

  /// Waits until a program has opened a file, if one is named, is in a system call, and stays there.
  static func wait(for child: pid_t, toCall number: Int, having path: String? = nil) {
    let deadline = ContinuousClock.now + .seconds(300)
    var count = 0
    while count < 2 && ContinuousClock.now < deadline {
      usleep(20_000)
      if let path, !hasOpen(path, child) { continue }
      let bytes = (try? InputFile.bytes(of: "/proc/\(child)/syscall", byteLimit: 4096)) ?? []
      count = String(decoding: bytes, as: UTF8.self).hasPrefix("\(number) ") ? count + 1 : 0
    }
  }

  /// Ends a program that is still there after `limit`.
  static func bounded(_ limit: Duration, _ child: pid_t, until isOver: () -> Bool = { false }) {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline && !isOver() {
      var info = unsafe siginfo_t()
      // SAFETY: `info` is a variable of this call; the child stays to be waited for.
      unsafe waitid(P_PID, id_t(child), &info, WEXITED | WNOHANG | WNOWAIT)
      if unsafe info.si_signo != 0 { return }
      usleep(5000)
    }
    if !isOver() { kill(child, SIGKILL) }
  }

  @Test(
    "An image that is shortened while it is read is code 65, and no report",
    arguments: [
      ["dump", "@", "--cr3", "0x1000"], ["walk", "@", "0x400000", "--cr3", "0x1000"],
      [
        "verify", "@", "--cr3", "0x1000", "--kvm-device", "/no/such/device", "--if-no-kvm", "model",
      ],
    ])
  func shortenedImage(_ arguments: [String]) throws {
    let image = try OutputSafetyTests.image()
    let pipe = try Pipe()
    // The program has opened the image when it waits for somebody who reads its report.
    let run = try ProgramRun(
      arguments.map { $0 == "@" ? image.path : $0 } + ["--output", pipe.path]
    ) { child in
      Self.wait(for: child, toCall: Self.openat, having: image.path)
      // SAFETY: Swift passes strings that live for the calls and end with a 0.
      unsafe truncate(image.path, 0x1000)
      let reader = unsafe open(pipe.path, O_RDONLY | O_NONBLOCK)
      Self.bounded(.seconds(300), child)
      close(reader)
    }
    #expect(run.exitCode == 65, "\(run.errors)")
    #expect(run.errors.contains("the file became shorter while it was read"), "\(run.errors)")
    #expect(run.errors.contains("[shortened]"))
  }

  @Test(
    "A folder, a device and a pipe are no images, and are called what they are",
    arguments: [("/tmp", "Is a directory"), ("/dev/zero", "a pipe or a device")])
  func noFile(_ path: String, _ words: String) throws {
    for command in ["dump", "audit", "stats", "verify", "convert", "aliases"] {
      let run = try ProgramRun([command, path, "--cr3", "0x1000"])
      #expect(run.exitCode == 65, "\(command): \(run.errors)")
      #expect(run.errors.contains(words), "\(command): \(run.errors)")
    }
  }

  @Test("An image in a pipe is refused at once")
  func pipedImage() throws {
    let pipe = try Pipe()
    let run = try ProgramRun(["dump", pipe.path, "--cr3", "0x1000"]) {
      Self.bounded(.seconds(300), $0)
    }
    #expect(run.exitCode == 65, "\(run.errors)")
  }

  @Test("A pipe as --resume is refused at once: it keeps nothing")
  func pipedResume() throws {
    let pipe = try Pipe()
    let run = try ProgramRun(["conform", "--resume", pipe.path]) { Self.bounded(.seconds(300), $0) }
    #expect(run.exitCode == 65, "\(run.errors)")
    #expect(run.errors.contains("it is a pipe, and has to be a file"))
  }

  @Test(
    "A pipe that nobody writes to is given up",
    arguments: [["merge", "@"], ["check", "@"], ["audit", LinuxCaseTests.core, "--allow", "@"]])
  func noWriter(_ arguments: [String]) throws {
    let pipe = try Pipe()
    let run = try ProgramRun(arguments.map { $0 == "@" ? pipe.path : $0 }) {
      Self.bounded(.seconds(300), $0)
    }
    #expect(run.exitCode == 65, "\(run.errors)")
    #expect(run.errors.contains("it is a pipe that nobody writes to"))
  }

  @Test("A pipe with a writer is read, as shells make them of commands")
  func pipedInput() throws {
    let run = try ProgramRun(
      [
        "-c", "exec \"$0\" check <(sleep 0.3; cat \"$1\")", ProgramRun.program,
        MainJobTests.example("minimal.json"),
      ], program: "/bin/bash", environment: ["PATH=/usr/bin:/bin"])
    #expect(run.exitCode == 0, "\(run.errors)")
  }

  @Test(
    "The first SIGTERM ends a run that waits for a profile",
    .enabled(if: Host.hasKVM, "needs /dev/kvm"))
  func waitingForProfile() throws {
    let pipe = try Pipe()
    // SAFETY: Swift passes a string that lives for the call and ends with a 0.
    let writer = unsafe open(pipe.path, O_RDWR)
    defer { close(writer) }
    let run = try ProgramRun([
      "verify", OutputSafetyTests.example, "--machine-profile", pipe.path,
    ]) {
      EarlyEndTests.interrupt($0, with: SIGTERM)
      Self.bounded(.seconds(300), $0)
    }
    #expect(run.exitCode == 130, "\(run.errors)")
  }
}
