// Numbers on the command line: what can only be hexadecimal is, and what can be both is asked about.

import ArgumentParser
import Testing

@testable import kvmpt

@Suite("A number is read as it was pasted, or refused with both readings")
struct PastedNumberTests {
  @Test(
    "Addresses",
    arguments: [
      ("0x3000", 0x3000), ("0000000000003000", 0x3000), ("ffffffff81000000", 0xffff_ffff_8100_0000),
      ("FFFFFFFF81000000", 0xffff_ffff_8100_0000), ("ffff_ffff_8100_0000", 0xffff_ffff_8100_0000),
      ("1234567812345678", 0x1234_5678_1234_5678), ("dead000", 0xdead000), ("1e5", 0x1e5),
      ("0", 0), ("7", 7), ("00", 0), ("0007", 7), ("a", 10), ("3000h", 0x3000), ("0FFFH", 0xfff),
      ("2MiB", 2 << 20), ("4 KiB", 4096), ("0x10MiB", 16 << 20),
    ] as [(String, UInt64)])
  func addresses(_ text: String, _ value: UInt64) throws {
    #expect(try PastedNumber.address(text).value == value)
  }

  @Test("Error codes, which Linux pads to four digits")
  func errorCodes() throws {
    for (text, value) in [
      ("0015", 0x15), ("0010", 0x10), ("0x15", 0x15), ("7", 7), ("b", 0xb), ("0", 0),
      ("00000011", 0x11),
    ] as [(String, UInt64)] {
      #expect(try PastedNumber.errorCode(text).value == value, "\(text)")
    }
    #expect(throws: ValidationError.self) { try PastedNumber.errorCode("15") }
  }

  @Test(
    "What can be both is refused with both readings",
    arguments: [
      ("4096", "0x1000", "0x4096"), ("10", "0xa", "0x10"), ("0015", "0xf", "0x0015"),
      ("12_345", "0x3039", "0x12345"), ("0x", nil, nil), ("", nil, nil), ("ten", nil, nil),
      ("-1", nil, nil), ("1__0", nil, nil), ("ffffffffffffffff0", nil, nil), ("h", nil, nil),
      ("0x3000h", nil, nil), ("4kb", nil, nil),
    ] as [(String, String?, String?)])
  func refused(_ text: String, _ decimal: String?, _ hexadecimal: String?) throws {
    let error = try #require(throws: ValidationError.self) { try PastedNumber.address(text) }
    if let decimal, let hexadecimal {
      #expect(error.message.hasSuffix(": write \(decimal), or \(hexadecimal)"), "\(error.message)")
    } else {
      #expect(!error.message.contains(", or 0x"), "\(error.message)")
    }
  }

  @Test("Every option and argument that takes an address asks in the same words")
  func everywhere() throws {
    let (raw, cr3) = (OptionImages.shared.raw, ["--cr3", "0x1000"])
    for arguments in [
      ["dump", raw, "--cr3", "4096"], ["dump", raw, "--base", "4096"] + cr3,
      ["walk", raw, "4096"] + cr3,
      ["explain", raw, "4096", "--access", "read", "--cpl", "0"] + cr3,
      ["explain", raw, "--error-code", "4096", "--cr2", "0x0"] + cr3,
      ["explain", raw, "--error-code", "0x4", "--cr2", "4096"] + cr3,
      ["diff", raw, raw, "--cr3-b", "4096"] + cr3, ["audit", raw, "--user-stack", "4096"] + cr3,
      ["dump", raw, "--pke", "on", "--pkru", "4096"] + cr3,
      ["dump", raw, "--pks", "on", "--pkrs", "4096"] + cr3,
    ] {
      let run = try ProgramRun(arguments)
      #expect(run.exitCode == 64, "\(arguments)")
      #expect(
        run.errors.contains("'4096' can be decimal or hexadecimal: write 0x1000, or 0x4096"),
        "\(arguments): \(run.errors)")
    }
  }
}
