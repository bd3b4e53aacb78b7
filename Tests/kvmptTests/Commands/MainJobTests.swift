// verify from outside, on a real guest: exit codes, summaries, formats, and what it says without KVM.

import Foundation
import FoundationXML
import TestHosts
import Testing

@testable import kvmpt

@Suite("verify proves files on a real guest", .enabled(if: Host.hasKVM, "needs /dev/kvm"))
struct MainJobTests {
  static func example(_ name: String) -> String { "\(PackageFiles.root)/Examples/\(name)" }

  /// The examples that need what not every machine has, with the words that say so.
  static let demanding = [
    "canonical-edges.yaml": "CPL 3 cannot use root entry 256",
    "five-level.yaml": "this machine has no 5-level paging",
    "mixed-page-sizes.yaml": "this machine has no 1 GiB pages",
    "protection-keys.yaml": "this machine has no protection keys",
    "smep-smap.yaml": "this machine has no SM",
  ]

  @Test("Every example agrees, or says what the machine lacks", arguments: PackageFiles.examples)
  func examples(_ name: String) throws {
    let run = try ProgramRun(["verify", Self.example(name)])
    #expect(run.errors.isEmpty)
    #expect(!run.output.contains("disagree"))
    let summary = run.output.components(separatedBy: "\n\n").last ?? ""
    if let lack = Self.demanding[name], run.exitCode == 77 {
      #expect(summary.hasPrefix("unproved: ") && summary.contains(lack), "\(summary)")
      #expect(summary.contains("; what would prove it: --machine auto"))
    } else {
      #expect(run.exitCode == 0, "\(run.output)\(run.errors)")
      #expect(summary.hasPrefix("agreed: "), "\(summary)")
      #expect(summary.contains(" probes on the machine, as asked and as modelled\n"))
    }
  }

  @Test("The text is the same on every machine but for the machine and the times")
  func text() throws {
    let run = try ProgramRun(["verify", Self.example("higher-half-kernel.yaml")])
    let masked = run.output.replacing(Self.example(""), with: "").split(
      separator: "\n", omittingEmptySubsequences: false
    ).filter { line in
      !["  machine  ", "  differs  ", "explained: ", "time: "].contains { line.hasPrefix($0) }
    }.joined(separator: "\n")
    #expect(masked == Self.higherHalf)
  }

  @Test("The picture in the README is real output")
  func picture() throws {
    let svg = try DocumentationTests.text("Documentation/images/verify.svg")
    let lines = svg.split(separator: "\n").filter { $0.hasPrefix("<text x=") }.map { line in
      line.replacing(/<[^>]*>/, with: "").replacing("&#x27;", with: "'")
    }
    #expect(lines.first == "$ kvmpt verify Examples/higher-half-kernel.yaml")
    // The lines without text, and those about the machine and the times, are not in the picture.
    let shown = lines.dropFirst().filter { line in
      !["  machine  ", "  differs  ", "time: "].contains { line.hasPrefix($0) }
    }
    let expected = Self.higherHalf.replacing("(higher", with: "(Examples/higher")
      .split(separator: "\n").map(String.init)
    #expect(shown.map { String($0) } == expected)
  }

  static let higherHalf = """
    higher-half kernel (higher-half-kernel.yaml)

      built    4 levels, 8 tables (32 KiB), 9 x 2MiB + 392 x 4KiB, in 64 MiB of memory

      mapping                 linear                    size  asked    modelled  executed  pages  probes
      text                    0xffff_ffff_8000_0000    2 MiB  r-x|---  r-x|---   r-x|---       1      18  agree
      rodata                  0xffff_ffff_8020_0000  512 KiB  r--|---  r--|---   r--|---     128     768  agree
      data                    0xffff_ffff_8040_0000    1 MiB  rw-|---  rw-|---   rw-|---     256   1,536  agree
      guard below the stack   0xffff_ffff_8080_0000    4 KiB  ---|---  ---|---   ---|---       0       6  agree
      stack                   0xffff_ffff_8080_1000   32 KiB  rw-|---  rw-|---   rw-|---       8      48  agree
      guard above the stack   0xffff_ffff_8080_9000    4 KiB  ---|---  ---|---   ---|---       0       6  agree
      direct map              0xffff_8880_0000_0000   16 MiB  rw-|---  rw-|---   rw-|---       8     144  agree
      (unmapped around them)                                  ---|---  ---|---   ---|---       0      72  agree
      rights at CPL 0 | CPL 3; '.' was not probed, '?' differs from page to page

      expectation            access          outcome
      0xffff_ffff_8000_0010  write at CPL 0  #PF, error code 0x3 (P|W)      agree
      0xffff_ffff_8080_1100  fetch at CPL 0  #PF, error code 0x11 (P|I)     agree  probed at 0xffff_ffff_8080_1006
      0xffff_ffff_8080_0ff8  write at CPL 0  #PF, error code 0x2 (W)        agree
      0xffff_ffff_8040_0000  read at CPL 3   #PF, error code 0x5 (P|U)      agree
      0xffff_8880_0060_0040  read at CPL 0   success at physical 0x60_0040  agree  probed at 0xffff_8880_0060_0008

    agreed: 2,603 probes on the machine, as asked and as modelled
    covered: 27,486 further accesses through entries that were executed, judged by the model
    reduced: each leaf entry and link in all six ways, for each level and set of rights that it is used with;
      a page larger than 4 KiB at its first, middle and last 4 KiB (--exhaustive: at every one)
    ranges: 7 asked ranges compared whole with the tables
    not compared, because nobody says it: the page size of 4 ranges, A of 5 ranges, D of 5 ranges

    """

  @Test("The JUnit report parses, and counts as many cases as it has")
  func junit() throws {
    let run = try ProgramRun(["verify", Self.example("aliases.yaml"), "--format", "junit"])
    #expect(run.exitCode == 0)
    let counter = ElementCounter()
    let parser = XMLParser(data: Data(run.output.utf8))
    parser.delegate = counter
    #expect(parser.parse(), "\(String(describing: parser.parserError))")
    #expect(counter.counts["testcase", default: 0] > 3)
    #expect(counter.counts["failure"] == nil && counter.counts["error"] == nil)
    #expect(counter.declaredCount == counter.counts["testcase"])
  }

  @Test("The TAP report has as many points as its plan says, in order, and none fails")
  func tap() throws {
    let run = try ProgramRun(["verify", Self.example("aliases.yaml"), "--format", "tap"])
    #expect(run.exitCode == 0)
    let lines = run.output.split(separator: "\n")
    #expect(lines.first == "TAP version 14")
    let plan = try #require(lines.first { $0.hasPrefix("1..") })
    let points = lines.filter { $0.hasPrefix("ok ") || $0.hasPrefix("not ok ") }
    #expect(Int(plan.dropFirst(3)) == points.count)
    for (index, point) in points.enumerated() { #expect(point.hasPrefix("ok \(index + 1) - ")) }
  }

  @Test("A disagreement names the address as it was written, and where it was probed")
  func writtenAddress() throws {
    let file = try TemporaryFile(
      "memory: 4MiB\nmappings: [{linear: 0x1000, size: 4KiB, rights: r--}]\nexpect:\n"
        + " - {address: 0x1000, access: write, cpl: 0, outcome: success}\n"
        + " - {address: 0x1ffd, access: read, cpl: 0, outcome: fault}\n")
    let run = try ProgramRun(["verify", file.path])
    #expect(run.exitCode == 1)
    #expect(run.output.contains("disagreement at 0x1000: write at CPL 0, expectation 1: "))
    #expect(run.output.contains("CR2 0x1000\n"))
    #expect(run.output.contains("disagreement at 0x1ffd (probed at 0x1"))
  }

  @Test("A report that does not fit on the disk is code 74")
  func fullDisk() throws {
    for format in ["text", "json", "junit", "tap"] {
      let arguments = ["verify", Self.example("minimal.json"), "--format", format]
      let run = try ProgramRun(arguments, outputPath: "/dev/full")
      #expect(run.exitCode == 74)
      #expect(run.errors.contains("cannot write 'standard output': No space left"))
      #expect(try ProgramRun(arguments + ["--output", "/dev/full"]).exitCode == 74)
    }
    #expect(try ProgramRun(["doctor"], outputPath: "/dev/full").exitCode == 74)
  }

  @Test("Ten thousand supervisor pages are proved, each in all six ways")
  func manyPages() throws {
    // Single mappings, so that none is larger than a page and no leaf is.
    let mappings = (0..<10_000).map { index in
      "  - {linear: 0x\(String(0x40_0000_0000 + index * 0x2000, radix: 16)),"
        + " size: 4KiB, rights: \(index.isMultiple(of: 2) ? "rw-" : "r-x")}\n"
    }
    let file = try TemporaryFile("memory: 64MiB\nmappings:\n" + mappings.joined())
    let run = try ProgramRun(["verify", file.path, "--format", "json"])
    #expect(run.exitCode == 0, "\(run.errors)")
    let report = try JSONValue(json: run.output)
    #expect(report["verdict"] == .string("agreement"))
    #expect(report["built"]?["leaves"]?["4KiB"] == .integer(10_000))
    let entries = try #require(report["mappings"]).elements
    #expect(entries.count == 10_000)
    #expect(entries.allSatisfy { $0["probes"]?["executed"] == .integer(6) })
  }
}

@Suite("Without KVM, verify does what --if-no-kvm says")
struct MissingKVMTests {
  static func run(_ policy: String, _ arguments: String...) throws -> ProgramRun {
    try ProgramRun(
      [
        "verify", MainJobTests.example("minimal.json"), "--kvm-device", "/nonexistent",
        "--if-no-kvm", policy,
      ] + arguments)
  }

  @Test("fail is code 69, without a report")
  func fail() throws {
    let run = try Self.run("fail")
    #expect(run.exitCode == 69)
    #expect(run.output.isEmpty)
    #expect(run.errors.hasPrefix("error: there is no KVM device at /nonexistent\n  hint: "))
  }

  @Test("skip is code 77, with a report that says so")
  func skip() throws {
    let run = try Self.run("skip")
    #expect(run.exitCode == 77)
    #expect(run.output.hasPrefix("skipped: KVM is needed: there is no KVM device"))
    #expect(run.errors.isEmpty)
    let tap = try Self.run("skip", "--format", "tap")
    #expect(tap.exitCode == 77)
    #expect(tap.output.hasPrefix("TAP version 14\n1..0 # SKIP KVM is needed"))
    let junit = try Self.run("skip", "--format", "junit")
    #expect(junit.exitCode == 77)
    #expect(junit.output.contains("<skipped"))
  }

  @Test("model compares with the model, and does not claim more")
  func model() throws {
    let run = try Self.run("model")
    #expect(run.exitCode == 77)
    #expect(run.output.contains("none: only the model was asked"))
    #expect(run.output.contains("; asked and modelled agree, and nothing was executed\n"))
    #expect(!run.output.contains("\nagreed"))
  }
}

/// Counts the elements of a JUnit report.
private final class ElementCounter: NSObject, XMLParserDelegate {
  var counts: [String: Int] = [:]
  /// The number of tests that the suites claim to have.
  var declaredCount = 0

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
    qualifiedName: String?, attributes: [String: String]
  ) {
    counts[name, default: 0] += 1
    if name == "testsuite" { declaredCount += attributes["tests"].flatMap { Int($0) } ?? 0 }
  }
}
