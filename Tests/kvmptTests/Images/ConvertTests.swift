// kvmpt convert: what it writes is read again, and says what the image says.

import Glibc
import TestHosts
import TestImages
import Testing

@testable import kvmpt

@Suite("An image becomes an address-space file that says the same")
struct ConvertTests {
  @Test("The Linux core, written as a file, has no differences from the core, and is well-formed")
  func linux() throws {
    let file = try TemporaryFile()
    let path = file.path + ".yaml"
    let arguments = ["convert", LinuxCaseTests.core, "--pat", "linux", "--output", path]
    defer { unsafe unlink(path) }
    #expect(try ProgramRun(arguments).exitCode == 0)
    let check = try ProgramRun(["check", path])
    #expect(check.exitCode == 0, "\(check.errors)")
    let differences = try ProgramRun(["diff", LinuxCaseTests.core, path, "--pat", "linux"])
    #expect(differences.output == "0 differences\n")
  }

  @Test("What was built from the file again is proved, and the image is proved against the file")
  func roundTrip() throws {
    let image = try VerifyImageTests.small()
    let file = try TemporaryFile()
    let path = file.path + ".yaml"
    defer { unsafe unlink(path) }
    #expect(
      try ProgramRun(["convert", image.path, "--cr3", "0x1000", "-o", path]).exitCode == 0)
    let machine = Host.hasKVM ? [] : ["--if-no-kvm", "model"]
    let built = try ProgramRun(["verify", path] + machine)
    #expect(built.exitCode == 0, "\(built.output)\(built.errors)")
    let proved = try ProgramRun(
      ["verify", image.path, "--cr3", "0x1000", "--expect", path] + machine)
    #expect(proved.exitCode == 0, "\(proved.output)\(proved.errors)")
  }

  @Test(
    "Every example is the same after it was written and read again",
    arguments: PackageFiles.examples)
  func examples(_ name: String) throws {
    let reader = AddressSpaceFileReader(limits: .ofThisHost())
    guard
      case .file(let first) = reader.read(
        try PackageFiles.bytes(of: "Examples/\(name)"), path: name),
      case .file(let second) = reader.read(
        Array(AddressSpaceText(first.addressSpace).text.utf8), path: name)
    else {
      Issue.record("not read")
      return
    }
    #expect(second.addressSpace == first.addressSpace)
  }

  @Test("An identity map of more than any host has asks for the memory of its tables alone")
  func wideIdentity() throws {
    var image = TableImage()
    for page in 0..<(16384 as UInt64) {
      image.map(page << 30, to: page << 30, [.present, .writable], level: 3)
    }
    let raw = ImageFile()
    try image.writeRaw(to: raw.path, byteCount: 1 << 20)
    let file = try TemporaryFile()
    let path = file.path + ".yaml"
    defer { unsafe unlink(path) }
    #expect(try ProgramRun(["convert", raw.path, "--cr3", "0x1000", "-o", path]).exitCode == 0)
    let check = try ProgramRun(["check", path])
    #expect(check.output.contains("2 mappings, 0 expectations, 1 GiB"), "\(check.errors)")
    let difference = try ProgramRun(["diff", raw.path, path, "--cr3", "0x1000"])
    #expect(difference.output == "0 differences\n")
  }

  @Test("Memory that ends inside of a run makes two mappings, and no page is cut")
  func splitAtEnd() throws {
    var image = TableImage()
    for page in 0..<UInt64(8) {
      image.map(0x40_0000 + page << 12, to: 0xfc_000 + page << 12, [.present, .writable])
    }
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 1 << 20)
    let run = try ProgramRun(["convert", file.path, "--cr3", "0x1000", "--memory", "1MiB"])
    #expect(run.exitCode == 0, "\(run.errors)")
    #expect(run.output.contains("linear: 0x40_0000, size: 16KiB, rights: rwx, physical: 0xf_c000,"))
    #expect(
      run.output.contains(
        "linear: 0x40_4000, size: 16KiB, rights: rwx, physical: 0x10_0000, device: true"))
  }

  @Test("What a file cannot hold is refused, with what can be done instead")
  func refusals() throws {
    var image = TableImage()
    let table = image.makeTable()
    for index in 0..<512 { image.set(table | 7, at: index, of: table) }
    image.set(table | 7, at: 0, of: image.root)
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 0x4000)
    let run = try ProgramRun(["convert", file.path, "--cr3", "0x1000"])
    #expect(run.exitCode == 65)
    #expect(run.errors.contains("hint: "), "\(run.errors)")
  }
}
