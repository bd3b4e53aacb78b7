// kvmpt audit: what fails, what is accepted, and every field of a finding in every format.

import MMU
import TestImages
import TestSupport
import Testing

@testable import kvmpt

/// The words of an image's tables, for the library.
private struct ImageWords: PhysicalMemory {
  let tables: [UInt64: [UInt64]]
  let byteCount: UInt64

  func loadWord(at address: GuestPhysicalAddress) -> UInt64? {
    guard address.rawValue < byteCount else { return nil }
    return tables[address.rawValue & ~4095]?[Int(address.rawValue >> 3 & 511)] ?? 0
  }
}

@Suite("An audit fails on what is bad enough and not accepted, and says all about it")
struct AuditOutcomeTests {
  /// Tables in which nothing is found, and one thing more.
  static func image(_ change: (inout TableImage) -> Void = { _ in }) -> TableImage {
    var image = TableImage()
    image.map(0x40_0000, to: 0x8_0000, [.present, .writable, .noExecute])
    // Links with A, as a processor leaves them.
    for (table, words) in image.tables {
      for (index, word) in words.enumerated() where word & 1 != 0 {
        image.set((word | 0x20) & ~(table < 0x4000 ? 4 : 0), at: index, of: table)
      }
    }
    change(&image)
    return image
  }

  /// A finding of each severity alone.
  static let changes: [(AuditSeverity?, AuditRule?, @Sendable (inout TableImage) -> Void)] = [
    (nil, nil, { _ in }),
    (.note, .dirtyReadOnly, { $0.set(0x8_1000 | 0x61 | 1 << 63, at: 1, of: 0x4000) }),
    (.warning, .notPresentWithAddress, { $0.set(0x8_1000, at: 1, of: 0x4000) }),
    (.error, .reservedBits, { $0.set(1 << 51 | 0x21 | 1 << 63, at: 1, of: 0x4000) }),
  ]

  private static func run(
    _ image: TableImage, _ arguments: [String]
  ) throws -> ProgramRun {
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 1 << 20)
    return try ProgramRun(
      ["audit", file.path, "--cr3", "0x1000", "--physical-bits", "48"] + arguments)
  }

  @Test(
    "Each severity against each limit, accepted and not, in text, JSON and JUnit", arguments: 0..<4)
  func failOn(_ index: Int) throws {
    let (severity, rule, change) = Self.changes[index]
    let image = Self.image(change)
    let all = try TemporaryFile(
      "# a comment\n\n" + AuditRule.allCases.map { "\($0.rawValue) * it is meant so\n" }.joined())
    let others = try TemporaryFile(
      AuditRule.allCases.filter { $0 != rule }.map { "\($0.rawValue) * no\n" }.joined())
    for limit in AuditSeverity.allCases {
      for allowed in [nil, all, others] {
        let isBad = severity.map { $0 >= limit } ?? false
        let fails = isBad && allowed !== all
        let arguments =
          ["--fail-on", "\(limit)"] + (allowed.map { ["--allow", $0.path] } ?? [])
        let text = try Self.run(image, arguments)
        #expect(text.exitCode == (fails ? 1 : 0), "\(text.output)\(text.errors)")
        if let rule { #expect(text.output.contains("[\(rule.rawValue)]")) }
        #expect(
          text.output.contains("; accepted: it is meant so") == (rule != nil && allowed === all))
        let json = try JSONValue(json: Self.run(image, arguments + ["--format", "json"]).output)
        #expect(json["verdict"] == .string(fails ? "findings" : "clean"))
        #expect(json["findings"]?.elements.count == (rule == nil ? 0 : 1))
        let junit = try Self.run(image, arguments + ["--format", "junit"])
        #expect(junit.exitCode == (fails ? 1 : 0))
        #expect(junit.output.contains("failures=\"\(fails ? 1 : 0)\""), "\(junit.output)")
      }
    }
    // Without the option warnings fail.
    #expect(try Self.run(image, []).exitCode == (severity.map { $0 >= .warning } ?? false ? 1 : 0))
  }

  @Test("An accepted range must hold the finding whole, to its first and last byte")
  func ranges() throws {
    let image = Self.image { image in
      for index in 1...3 { image.set(0x8_0000, at: index, of: 0x4000) }
    }
    // 0x401000 to 0x403fff.
    for (range, isAccepted) in [
      ("0x401000-0x403fff", true), ("0-0xffffffffffffffff", true), ("0x400fff-0x404000", true),
      ("0x401001-0x403fff", false), ("0x401000-0x403ffe", false), ("0x402000-0x403fff", false),
      ("0x401000-0x401fff", false), ("0x404000-0x405fff", false),
    ] {
      let allowed = try TemporaryFile("not-present-with-address \(range) why not\n")
      let run = try Self.run(image, ["--allow", allowed.path])
      #expect(run.exitCode == (isAccepted ? 0 : 1), "\(range): \(run.output)")
    }
  }

  @Test("Findings that were left out fail as well, though all that are shown are accepted")
  func droppedFindings() throws {
    var image = Self.image()
    var table = image.nextTable
    for index in 3..<44 {
      image.set(table | 0x23, at: index, of: 0x3000)
      for entry in 0..<256 { image.set(0x9000, at: entry * 2, of: table) }
      table += 4096
    }
    let allowed = try TemporaryFile("not-present-with-address * meant\n")
    let left = 41 * 256 - 10_000
    for (limit, isBad) in [("warning", true), ("note", true), ("error", false)] {
      let run = try Self.run(image, ["--allow", allowed.path, "--fail-on", limit])
      #expect(run.exitCode == (isBad ? 1 : 0))
      #expect(run.output.contains("  and \(left) more\n"))
      #expect(run.output.contains("0 errors, 0 warnings, 0 notes, 10000 accepted in 45 tables"))
    }
    let json = try JSONValue(
      json: Self.run(image, ["--allow", allowed.path, "--format", "json"]).output)
    #expect(json["left-out"]?["not-present-with-address"] == .integer(left))
    #expect(json["verdict"] == .string("findings") && json["tables"] == .integer(45))
  }

  @Test("JSON says of every finding what the library found, field by field")
  func fields() throws {
    var random = SeededGenerator(seed: 20_261_129)
    var count = 0
    for round in 0..<6 {
      let image = ConvertEveryBitTests.randomImage(&random)
      let tables = PageTables(
        cr3: 0x1000, configuration: try PagingConfiguration(physicalAddressWidth: 48))
      var conditions = AuditConditions(pat: PATArgument.atPowerOn.value)
      conditions.userStack = round % 2 == 0 ? nil : 0x1800
      conditions.memory = [0..<1 << 20]
      let report = tables.audit(
        in: ImageWords(tables: image.tables, byteCount: 1 << 20), under: conditions)
      let json = try JSONValue(
        json: Self.run(
          image, ["--format", "json"] + (round % 2 == 0 ? [] : ["--user-stack", "0x1800"])
        ).output)
      let found = json["findings"]?.elements ?? []
      #expect(found.count == report.findings.count)
      for (entry, finding) in zip(found, report.findings) {
        func hexadecimal(_ number: UInt64) -> JSONValue {
          .string("0x" + String(number, radix: 16))
        }
        #expect(entry["rule"] == .string(finding.rule.rawValue))
        #expect(entry["severity"] == .string("\(finding.rule.severity)"))
        #expect(entry["linear"] == hexadecimal(finding.linearAddress))
        #expect(entry["bytes"] == hexadecimal(finding.byteCount))
        #expect(entry["physical"] == hexadecimal(finding.physicalAddress.rawValue))
        #expect(entry["entries"] == .integer(finding.count))
        #expect(entry["level"] == finding.entry.map { .integer(Int($0.level.rawValue)) })
        #expect(entry["entry-address"] == finding.entry.map { hexadecimal($0.address.rawValue) })
        #expect(entry["bits"] == (finding.bits == 0 ? nil : hexadecimal(finding.bits)))
        #expect(entry["other-linear"] == finding.otherAddress.map(hexadecimal))
        count += 1
      }
      #expect(json["tables"] == .integer(report.tableCount))
    }
    #expect(count > 60)
  }
}
