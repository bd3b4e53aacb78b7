// Recursive slots from image to file, from file to tables, and from one file to another.

import GuestMem
import Probe
import TestHosts
import TestImages
import Testing

@testable import kvmpt

@Suite("An image with a recursive slot becomes a file with one, which is proved")
struct ConvertRecursiveTests {
  /// Two small pages and a large one, and entries of the root that lead to the root.
  static func image(
    _ entries: [(index: Int, bits: UInt64)], levels: Int = 4
  ) throws -> ImageFile {
    var image = TableImage(levels: levels)
    image.map(0x40_0000, to: 0x10_0000, [.present, .writable, .user, .noExecute])
    image.map(0x40_1000, to: 0x10_1000, [.present, .user])
    image.map(0x8000_0000, to: 0x20_0000, [.present, .writable, .noExecute], level: 2)
    for (index, bits) in entries { image.set(image.root | bits, at: index, of: image.root) }
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 8 << 20)
    return file
  }

  static let usual: UInt64 = 0x23 | 1 << 63

  static func converted(_ image: ImageFile, levels: Int = 4) throws -> String {
    let run = try ProgramRun(
      ["convert", image.path, "--cr3", "0x1000", "--levels", "\(levels)"])
    #expect(run.exitCode == 0, "\(run.errors)")
    return run.output
  }

  @Test(
    "What is written has no differences from the image, is proved, and proves the image",
    arguments: [510, 511, 300, 3])
  func roundTrip(_ index: Int) throws {
    let image = try Self.image([(index, Self.usual)])
    let text = try Self.converted(image)
    #expect(text.contains("\nrecursive-slot: {index: \(index), rights: rw-}\n"))
    // The three runs and nothing of the tables.
    #expect(text.split(separator: "\n").count { $0.hasPrefix("  - {name:") } == 3, "\(text)")
    let file = try NamedFile(text, suffix: ".yaml")
    let machine = Host.hasKVM ? [] : ["--if-no-kvm", "model"]
    let difference = try ProgramRun(["diff", image.path, file.path, "--cr3", "0x1000"])
    #expect(difference.output == "0 differences\n")
    let built = try ProgramRun(["verify", file.path] + machine)
    #expect(built.exitCode == (Host.hasKVM ? 0 : 77), "\(built.output)\(built.errors)")
    #expect(built.output.contains("(recursive slot \(index))"))
    let proved = try ProgramRun(
      ["verify", image.path, "--cr3", "0x1000", "--expect", file.path] + machine)
    #expect(proved.exitCode == (Host.hasKVM ? 0 : 77), "\(proved.output)\(proved.errors)")
  }

  @Test("Each set of rights arrives, also with 5 levels")
  func rights() throws {
    for levels in [4, 5] {
      for (bits, letters) in [
        (1, "r-x"), (3, "rwx"), (1 | 1 << 63, "r--"), (0x63 | 1 << 63, "rw-"),
      ] as [(UInt64, String)] {
        let image = try Self.image([(510, bits)], levels: levels)
        let text = try Self.converted(image, levels: levels)
        #expect(text.contains("\nrecursive-slot: {index: 510, rights: \(letters)}\n"))
        let file = try NamedFile(text, suffix: ".yaml")
        let arguments = ["diff", image.path, file.path, "--cr3", "0x1000", "--levels", "\(levels)"]
        #expect(try ProgramRun(arguments).output == "0 differences\n")
      }
    }
  }

  @Test("What a file cannot say of a slot is said, and its pages are mappings as before")
  func unsayable() throws {
    let cases: [([(index: Int, bits: UInt64)], String)] = [
      ([(510, Self.usual | 4)], "CPL 3 can use root entry 510, which leads to the root"),
      ([(510, Self.usual), (300, Self.usual)], "2 root entries lead to the root"),
      ([(510, Self.usual | 0x18)], "root entry 510, which leads to the root, has bits 0x18"),
      ([(510, Self.usual | 1 << 9)], "root entry 510, which leads to the root, has bits 0x200"),
    ]
    for (entries, reason) in cases {
      let image = try Self.image(entries)
      let text = try Self.converted(image)
      #expect(text.contains("\n# No recursive slot: \(reason)."), "\(text)")
      #expect(!text.contains("recursive-slot:") && text.contains("0xffff_ff7f_bfdf_e000"))
      let file = try NamedFile(text, suffix: ".yaml")
      let difference = try ProgramRun(["diff", image.path, file.path, "--cr3", "0x1000"])
      #expect(difference.output == "0 differences\n")
    }
    // An entry that is not present, or leads elsewhere, is no slot.
    #expect(!(try Self.converted(try Self.image([(510, 0)])).contains("ecursive")))
    #expect(!(try Self.converted(try Self.image([])).contains("ecursive")))
  }

  @Test("A slot that the image has otherwise, or not at all, is one difference")
  func differences() throws {
    let file = try NamedFile(
      try Self.converted(try Self.image([(510, Self.usual)])), suffix: ".yaml")
    let cases: [([(index: Int, bits: UInt64)], String)] = [
      ([(510, 0x21 | 1 << 63)], "!"), ([], "-"), ([(510, Self.usual ^ 1 << 63)], "!"),
      ([(510, Self.usual | 4)], "!"), ([(510, Self.usual | 1 << 10)], "!"),
    ]
    for (entries, sign) in cases {
      let image = try Self.image(entries)
      let run = try ProgramRun(["diff", file.path, image.path, "--cr3", "0x1000"])
      #expect(run.exitCode == 1 && run.output.hasSuffix("1 difference\n"), "\(run.output)")
      #expect(
        run.output.hasPrefix(sign) && run.output.contains("0xffff_ff00_0000_0000"), "\(run.output)")
      let proof = try ProgramRun(
        [
          "verify", image.path, "--cr3", "0x1000", "--expect", file.path, "--kvm-device",
          "/no/such", "--if-no-kvm", "model",
        ])
      #expect(proof.exitCode == 1, "\(proof.output)\(proof.errors)")
      #expect(proof.output.contains("recursive slot: "), "\(proof.output)")
    }
  }

  @Test("Every format of a report has the slot, right or wrong")
  func reports() throws {
    let file = "\(PackageFiles.root)/Examples/recursive-slot.yaml"
    let model = ["--kvm-device", "/no/such", "--if-no-kvm", "model", "--format"]
    let report = try JSONValue(json: try ProgramRun(["verify", file] + model + ["json"]).output)
    #expect(try VerificationReportTests.schema().violations(of: report) == [])
    let slot = try #require(report["recursive-slot"])
    #expect(slot["index"] == .integer(510) && slot["rights"] == .string("rw-"))
    #expect(slot["linear"] == .string("0xffffff0000000000"))
    #expect(slot["last"] == .string("0xffffff7fffffffff"))
    // Seven tables, and the kernel's text as its entry looks there.
    #expect(slot["pages"] == .integer(8) && slot["probes"]?["planned"] == .integer(48))
    for format in ["junit", "tap"] {
      let text = try ProgramRun(["verify", file] + model + [format]).output
      #expect(text.contains("recursive slot 510"), "\(text)")
    }
    let image = try Self.image([(510, Self.usual & ~2)])
    let wrong = try NamedFile(
      try Self.converted(image).replacing("rights: r--}", with: "rights: rw-}"), suffix: ".yaml")
    let proof = try ProgramRun(
      ["verify", image.path, "--cr3", "0x1000", "--expect", wrong.path] + model + ["json"])
    let found = try #require(
      try JSONValue(json: proof.output)["ranges"]?["differences"]?.elements.first)
    #expect(found["kind"] == .string("different"))
    #expect(found["properties"]?.elements == [.string("write")])
  }

  @Test("Two files: slots are compared as they are, and a list of the tables is not compared")
  func files() throws {
    func file(_ slot: String, _ mappings: String = "[]") throws -> NamedFile {
      try NamedFile("memory: 4MiB\n\(slot)mappings: \(mappings)\n", suffix: ".yaml")
    }
    let plain = try file("recursive-slot: 510\n")
    for (other, count) in [
      (try file("recursive-slot: {index: 510, rights: rw-}\n"), 0),
      (try file("recursive-slot: {index: 510, rights: r--}\n"), 1),
      (try file("recursive-slot: 509\n"), 2), (try file(""), 1),
    ] {
      for pair in [[plain.path, other.path], [other.path, plain.path]] {
        let run = try ProgramRun(["diff"] + pair)
        let end = "\(count) difference\(count == 1 ? "" : "s")\n"
        #expect(run.output.hasSuffix(end), "\(run.output)")
      }
    }
    let listed = try file(
      "", "[{linear: 0xffff_ff7f_bfdf_e000, size: 4KiB, rights: rw-, physical: 0x1000}]")
    let run = try ProgramRun(["diff", plain.path, listed.path])
    #expect(run.output.contains("not compared: the right to write, in 1 range"), "\(run.output)")
    #expect(run.output.hasSuffix("0 differences\n"))
  }
}
