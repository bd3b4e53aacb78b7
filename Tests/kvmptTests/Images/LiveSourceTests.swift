// Machines that run as sources: a QEMU's tables over QMP and over its stub, against the file they came from.

import Glibc
import TestHosts
import TestImages
import Testing

@testable import kvmpt

@Suite(
  "A running QEMU is read as the file of its memory would be", .serialized,
  .enabled(if: Host.hasQEMU, "needs qemu-system-x86_64"))
struct LiveSourceTests {
  /// Raw memory with tables whose root is at 0x101000, as it stands at physical address 0x100000.
  private static func image() throws -> ImageFile {
    var table = TableImage(root: 0x10_1000)
    table.map(0x40_0000, to: 0x5000, [.present, .writable, .user])
    table.map(0xffff_8000_0000_0000, to: 0x20_0000, [.present, .noExecute], level: 2)
    for page: UInt64 in 0..<600 {
      table.map(0x7000_0000 + page << 12, to: page << 13, [.present, .user])
    }
    let file = ImageFile()
    try table.writeRaw(to: file.path, byteCount: 0x2_0000, base: 0x10_0000)
    return file
  }

  /// What stands below the lines about the image, its registers and what is assumed.
  private static func runs(_ arguments: [String]) throws -> [Substring] {
    let run = try ProgramRun(
      ["dump"] + arguments + ["--cr3", "0x101000", "--wp", "on", "--nxe", "on"])
    #expect(run.exitCode == 0, "\(run.errors)")
    return Array(run.output.split(separator: "\n").drop { !$0.hasPrefix("first address") })
  }

  @Test(
    "Over QMP and over the stub, paused or running: the same runs, and QEMU's state is what it was")
  func sameRuns() throws {
    let file = try Self.image()
    let expected = try Self.runs([file.path, "--base", "0x100000"])
    #expect(expected.count > 600)
    for runs in [false, true] {
      let qemu = try RunningQEMU(image: file.path, runs: runs)
      let status = qemu.status
      #expect(status == (runs ? "running" : "prelaunch"))
      #expect(try Self.runs(["qemu:\(qemu.monitor)"]) == expected)
      #expect(qemu.status == status)
      #expect(try Self.runs(["gdb:\(qemu.stub)"]) == expected)
      #expect(try Self.runs(["qemu:\(qemu.remoteMonitor)"]) == expected)
      // QEMU's stub stops the machine, and one that had not started is paused then.
      #expect(qemu.status == (runs ? "running" : "prelaunch"))
      if runs {
        #expect(try Self.runs(["qemu:\(qemu.monitor)", "--live"]) == expected)
        let head = try ProgramRun(["dump", "qemu:\(qemu.monitor)", "--cr3", "0x101000"]).output
        #expect(head.contains("a running QEMU") && head.contains("paused for"))
        #expect(head.contains("MAXPHYADDR") && !head.contains("assumed: MAXPHYADDR"))
      }
    }
  }

  @Test("What cannot be reached, is no QEMU, or is gone ends with an error that says so")
  func refused() throws {
    func id(_ source: String) throws -> String? {
      let run = try ProgramRun(["dump", source, "--cr3", "0x1000"])
      #expect(run.exitCode == 65 || run.exitCode == 64, "\(source): \(run.exitCode)")
      return run.errors.split(separator: "[").last.map { String($0.prefix { $0 != "]" }) }
    }
    #expect(try id("qemu:/nonexistent") == "unreachable")
    #expect(try id("qemu:localhost:1") == "unreachable")
    #expect(try id("gdb:localhost:99999") == "invalid-address")
    #expect(try id("qemu:") == "unreachable")
    let file = try Self.image()
    let qemu = try RunningQEMU(image: file.path, runs: false)
    // Each at the other's socket.
    #expect(try id("qemu:\(qemu.stub)") == "silent-source")
    qemu.kill()
    #expect(try id("qemu:\(qemu.monitor)") == "unreachable")
  }

  @Test("A QMP socket that another client has is told as that")
  func taken() throws {
    let file = try Self.image()
    let qemu = try RunningQEMU(image: file.path, runs: false)
    let other = try #require(RunningQEMU.connection(to: qemu.monitor))
    defer { close(other) }
    let run = try ProgramRun(["dump", "qemu:\(qemu.monitor)", "--cr3", "0x101000"])
    #expect(run.exitCode == 65)
    #expect(run.errors.contains("silent-source") && run.errors.contains("one client"))
  }

  @Test(
    "How the memory is read is said, and that a stub tells no ranges is assumed in every format")
  func said() throws {
    let file = try Self.image()
    let qemu = try RunningQEMU(image: file.path, runs: false)
    func output(_ arguments: [String]) throws -> String {
      try ProgramRun(["dump"] + arguments + ["--cr3", "0x101000"]).output
    }
    #expect(
      try output(["qemu:\(qemu.remoteMonitor)"]).contains("a paused QEMU, read by its monitor"))
    #expect(try output(["qemu:\(qemu.monitor)"]).contains("a paused QEMU, read "))
    let words = "memory at every address"
    #expect(try output(["gdb:\(qemu.stub)"]).contains(words))
    #expect(try output(["gdb:\(qemu.stub)", "--format", "json"]).contains(words))
    #expect(try !output(["qemu:\(qemu.monitor)"]).contains(words))
  }

  @Test("Options that a source makes meaningless are refused")
  func options() throws {
    let file = try Self.image()
    let cases: [([String], String)] = [
      ([file.path, "--base", "0x100000", "--cr3", "0x101000", "--live"], "--live"),
      (["map:0x100000=\(file.path)", "--base", "0", "--cr3", "0x101000"], "--base"),
      (["map:", "--cr3", "0x101000"], "map:GPA=FILE"),
      (["map:0", "--cr3", "0x101000"], "map:GPA=FILE"),
      (["map:zero=\(file.path)", "--cr3", "0x101000"], "map:GPA=FILE"),
    ]
    for (arguments, word) in cases {
      let run = try ProgramRun(["dump"] + arguments)
      #expect(run.exitCode == 64, "\(arguments)")
      #expect(run.errors.contains(word), "\(run.errors)")
    }
    let expected = try Self.runs([file.path, "--base", "0x100000"])
    #expect(try Self.runs(["map:0x100000=\(file.path)@0KiB+128KiB"]) == expected)
    #expect(
      try Self.runs(["map:0x100000=\(file.path)@0+0x10000,0x110000=\(file.path)@0x10000"])
        == expected)
  }
}
