// JUnit reports, held against the rules of the schemas that CI systems publish.

import Testing

@testable import kvmpt

@Suite("JUnit reports follow the published schema")
struct JUnitTests {
  static let core = LinuxCaseTests.core

  /// What is wrong with a report.
  ///
  /// Source: Jenkins xunit plugin, junit-10.xsd: a root of suites, each with a name and counts; a
  /// case has a name and at most one outcome, with message and type.
  static func violations(of report: String) throws -> [String] {
    let root = try XMLElement(document: report)
    var found: [String] = []
    func require(_ holds: Bool, _ what: String) { if !holds { found.append(what) } }
    require(root.name == "testsuites", "the root is \(root.name)")
    require(!root.children.isEmpty, "no suite")
    for suite in root.children {
      require(suite.name == "testsuite" && suite.attributes["name"] != nil, "no named suite")
      let cases = suite.all("testcase")
      let counts = ["failure", "error", "skipped"].map { outcome in
        cases.count { !$0.all(outcome).isEmpty }
      }
      for (key, count) in zip(["tests", "failures", "errors", "skipped"], [cases.count] + counts) {
        require(suite.attributes[key] == "\(count)", "\(key) is not \(count)")
      }
      require(
        suite.children.allSatisfy { ["properties", "testcase"].contains($0.name) },
        "an unknown child")
      for property in suite.all("properties").flatMap(\.children) {
        require(Set(property.attributes.keys) == ["name", "value"], "a property without value")
      }
      for test in cases {
        require(test.attributes["name"]?.isEmpty == false, "a case without name")
        require(test.attributes["classname"]?.isEmpty == false, "a case without class")
        let known: Set = ["name", "classname", "time", "file", "line"]
        require(known.isSuperset(of: test.attributes.keys), "an unknown attribute")
        let outcomes = test.children.filter { $0.name != "system-out" }
        require(outcomes.count <= 1, "two outcomes of \(test.attributes["name"] ?? "")")
        for outcome in outcomes where outcome.name != "skipped" {
          require(["failure", "error"].contains(outcome.name), "an unknown outcome")
          require(outcome.attributes["message"] != nil, "an outcome without message")
          require(outcome.attributes["type"]?.isEmpty == false, "an outcome without type")
        }
      }
    }
    return found
  }

  @Test(
    "The reports of audit and of verify follow it",
    arguments: [
      ["audit", core], ["audit", core, "--fail-on", "error"], ["verify", core],
      ["verify", "\(VerifyImageTests.examples)/aliases.yaml"],
      ["verify", core, "--expect", "\(VerifyImageTests.examples)/minimal.json"],
      ["verify", core, "--if-no-kvm", "skip", "--kvm-device", "/no/such/device"],
    ])
  func follows(_ arguments: [String]) throws {
    var full = arguments + ["--format", "junit"]
    if arguments[0] == "verify" && !arguments.contains("--if-no-kvm") {
      full += ["--if-no-kvm", "model"]
    }
    let run = try ProgramRun(full)
    #expect(run.exitCode <= 1 || run.exitCode == 77, "\(run.errors)")
    #expect(try Self.violations(of: run.output) == [])
  }

  @Test("What is not well-formed, or counts wrong, is noticed")
  func notices() throws {
    let declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    #expect(throws: XMLElement.Malformed.self) {
      try Self.violations(of: declaration + "<testsuites><testsuite></testsuites>")
    }
    #expect(throws: XMLElement.Malformed.self) {
      try Self.violations(of: declaration + "<testsuites name=\"a&b\"/>")
    }
    let wrong =
      declaration
      + "<testsuites><testsuite name=\"a\" tests=\"2\" failures=\"0\" errors=\"0\" skipped=\"0\">"
      + "<testcase name=\"b\" classname=\"c\"/></testsuite></testsuites>"
    #expect(try Self.violations(of: wrong) == ["tests is not 1"])
  }
}
