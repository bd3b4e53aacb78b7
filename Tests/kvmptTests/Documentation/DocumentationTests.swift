// What the documentation says, held against the program.

import MMU
import Probe
import Testing

@testable import kvmpt

@Suite("The documentation says what the program does")
struct DocumentationTests {
  static func text(_ path: String) throws -> String {
    String(decoding: try PackageFiles.bytes(of: path), as: UTF8.self)
  }

  @Test("Every exit code stands in the documentation, in the words of the help")
  func exitCodes() throws {
    let text = try Self.text("Documentation/reports.md")
    for status in ExitStatus.allCases {
      var meaning = status.meaning
      for option in ["--if-no-kvm skip", "--timeout"] {
        meaning = meaning.replacing(option, with: "`\(option)`")
      }
      let row = "| \(status.rawValue) | \(meaning) |"
      #expect(text.contains(row), "\(row)")
    }
  }

  @Test("Every format and every policy is documented")
  func options() throws {
    let reports = try Self.text("Documentation/reports.md")
    for format in ReportFormat.allCases { #expect(reports.contains("| `\(format.rawValue)` |")) }
    let ci = try Self.text("Documentation/ci.md")
    for policy in MissingKVMPolicy.allCases { #expect(ci.contains("| `\(policy.rawValue)`")) }
  }

  @Test("The limit of pages is the one that is documented")
  func pageLimit() throws {
    let text = try Self.text("Documentation/address-space-file.md")
    #expect(text.contains("at most\n\(grouped(Int(AddressSpace.pageLimit))) pages"))
  }

  @Test(
    "Every link between the files of the repository leads somewhere",
    arguments: ["", "Documentation/", "Documentation/audit/"].flatMap { folder in
      PackageFiles.names(in: folder).filter { $0.hasSuffix(".md") }.map { folder + $0 }
    })
  func links(_ path: String) throws {
    let folder = path.split(separator: "/").dropLast().map(String.init)
    for link in try Self.text(path).matches(of: /\]\((?<target>[^)#:]+)[^):]*\)/) {
      var parts = folder
      for part in link.target.split(separator: "/") {
        if part == ".." { _ = parts.popLast() } else { parts.append(String(part)) }
      }
      let target = parts.joined(separator: "/")
      let isFolder = !PackageFiles.names(in: target).isEmpty
      #expect(isFolder || (try? PackageFiles.bytes(of: target)) != nil, "\(target)")
    }
  }

  @Test("Links are found: the README has some, to each page for users")
  func readMeLinks() throws {
    let text = try Self.text("README.md")
    for name in ["address-space-file", "audit", "ci", "conform", "images", "reports", "glossary"] {
      #expect(text.contains("](Documentation/\(name).md"), "\(name)")
    }
    #expect(PackageFiles.names(in: "").contains("SECURITY.md"))
  }

  @Test(
    "Every rule of audit has a page that says what the rule says", arguments: AuditRule.allCases)
  func auditRules(_ rule: AuditRule) throws {
    // Paragraphs are filled, so that a sentence may be broken anywhere.
    let page = try Self.text("Documentation/audit/\(rule.rawValue).md").replacing("\n", with: " ")
    #expect(page.hasPrefix("# \(rule.rawValue) "))
    #expect(page.contains(rule.title.dropFirst() + "."))
    #expect(page.contains("Severity: \(rule.severity). Source: \(rule.source)."))
    for heading in ["What it means", "What to do", "When it is fine"] {
      #expect(page.contains("## \(heading) "))
    }
    let link = "[\(rule.rawValue)](audit/\(rule.rawValue).md)"
    let row = "| \(link) | \(rule.severity) | \(rule.title) |"
    #expect(try Self.text("Documentation/audit.md").contains(row))
  }

  @Test(
    "The CI examples are YAML",
    arguments: [
      "github-actions.yml", "gitlab-ci.yml", "conform-github-actions.yml",
      "conform-kubernetes.yaml",
    ])
  func ciExamples(_ name: String) throws {
    let root = try YAMLDocument.root(of: PackageFiles.bytes(of: "Examples/ci/\(name)"))
    guard case .mapping(let pairs)? = root?.content else {
      Issue.record("no object")
      return
    }
    #expect(!pairs.isEmpty)
    #expect(try Self.text("Documentation/ci.md").contains("../Examples/ci/\(name)"))
  }
}

@Suite("The report of check fits its schema")
struct CheckReportTests {
  static func schema() throws -> JSONSchema {
    JSONSchema(
      root: try JSONValue(json: DocumentationTests.text("Schemas/check.schema.json")))
  }

  @Test("The schema is sound, and the documented report fits it")
  func documentedReport() throws {
    #expect(try Self.schema().defects() == [])
    let text = try DocumentationTests.text("Documentation/reports.md")
    let start = try #require(text.firstRange(of: "```json\n")).upperBound
    let end = try #require(text[start...].firstRange(of: "```\n")).lowerBound
    let report = try JSONValue(json: String(text[start..<end]))
    #expect(try Self.schema().violations(of: report) == [])
  }

  @Test("Reports about sound, wrong, hopeless and missing files fit it")
  func reports() throws {
    let sound = try TemporaryFile(ProgramTests.sound)
    let wrong = try TemporaryFile("memory: 4MB\nmapings: []\n")
    let lines = (0..<300).map { "  - {linear: \($0)}\n" }
    let hopeless = try TemporaryFile("memory: 4MiB\nmappings:\n" + lines.joined())
    let paths = [sound.path, wrong.path, hopeless.path, "/no/such/file"]
    let report = try JSONValue(
      json: ProgramRun(["check", "--format", "json"] + paths).output)
    #expect(try Self.schema().violations(of: report) == [])
    #expect(report["version"] == .string(Version.current))
    let files = try #require(report["files"]).elements
    #expect(files.map { $0["file"] } == paths.map { .string($0) })
    #expect(files.map { $0["problems"]?.elements.count } == [0, 3, 100, 1])
  }

  @Test("A report that lacks something does not fit")
  func brokenReports() throws {
    for text in [
      "{}", #"{"schema": "urn:kvmpt:schema:check:1", "version": "1", "files": []}"#,
      #"{"schema": "urn:kvmpt:schema:check:1", "version": "1", "files": [{"file": "x"}]}"#,
    ] {
      #expect(try Self.schema().violations(of: JSONValue(json: text)) != [])
    }
  }
}
