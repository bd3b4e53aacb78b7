// A model that lacks one rule ends conform with 1: no rule that could be derived excuses it.

import ArgumentParser
import Glibc
import MMU
import Probe
import Testing

@testable import kvmpt

@Suite(
  "conform notices a rule that the model lacks, whatever rule could be derived", .serialized,
  .enabled(if: Host.hasKVM, "needs /dev/kvm"))
struct MissingRuleTests {
  /// Some of the rules, each from another part of the model, that every host shows; all of them with
  /// `KVMPT_MISSING_RULES=all`.
  private static let some: [ArchitectureRule] = [
    .presentInPTE, .readWriteInPDE, .userSupervisorInPDPTE, .writeProtectStopsSupervisorWrite,
    .errorCodeWrite,
  ]

  private static let isComplete: Bool = {
    // SAFETY: Swift passes a string that lives for the call; nobody changes the environment.
    unsafe getenv("KVMPT_MISSING_RULES").map { unsafe String(cString: $0) } == "all"
  }()

  /// What `conform` makes of this machine with a model that lacks `rule`.
  private func run(
    without rule: ArchitectureRule?, oneIn: UInt64?
  ) throws -> (status: kvmpt.ExitStatus, report: JSONValue) {
    let file = try TemporaryFile()
    let command = try ConformCommand.parse(["--format", "json", "--timeout", "100s"])
    let status = try ConformRun(
      command: command, expected: BaselineFile.builtIn(),
      destination: ReportDestination(path: file.path), missingRule: rule, sampledOneIn: oneIn
    ).run()
    return (status, try JSONValue(json: file.text()))
  }

  /// The rules that need what a machine may lack.
  private static func feature(of rule: ArchitectureRule) -> String? {
    switch rule {
    case .smepStopsSupervisorFetch, .errorCodeFetchWithSMEP: "smep"
    case .smapStopsSupervisorRead, .smapStopsSupervisorWrite, .alignmentCheckFlagSuspendsSMAP,
      .implicitAccessIgnoresAlignmentCheckFlag:
      "smap"
    case .userKeyAccessDisable, .userKeyWriteDisable, .errorCodeProtectionKey,
      .keyWriteDisableNeedsWriteProtect, .keyDoesNotStopFetch, .keyIsReadFromLeafOnly:
      "protection-keys"
    case .supervisorKeyAccessDisable, .supervisorKeyWriteDisable: "supervisor-protection-keys"
    case .canonical57BitAddress: "5-level-paging"
    case .pageSizeInPDPTE, .patBitIn1GiBPage, .offsetIn1GiBPage, .lowAddressReservedIn1GiBPage,
      .dirtyInPDPTE:
      "1gib-pages"
    default: rule.id.hasSuffix("pml5e") ? "5-level-paging" : nil
    }
  }

  @Test("The whole model agrees with this machine, but for the rules of the baseline")
  func wholeModel() throws {
    let (status, report) = try run(without: nil, oneIn: 1024)
    #expect(status == .agreement)
    #expect(report["new"] == .integer(0) && report["unexplained"] == .integer(0))
  }

  @Test("Each rule that this machine can show is missed: exit code 1")
  func eachRule() throws {
    var noticed: [String] = []
    var unnoticed: [String] = []
    var lacking: [String] = []
    let machine = try run(without: nil, oneIn: 4096).report["machine"]
    let features = machine?["features"]?.elements.compactMap(\.text) ?? []
    for rule in Self.isComplete ? Array(ArchitectureRule.allCases) : Self.some {
      let isLacking = Self.feature(of: rule).map { !features.contains($0) } ?? false
      let start = ContinuousClock.now
      var (status, report) = try run(without: rule, oneIn: 4096)
      // What a small sample does not show, a larger one may.
      if status == .agreement && !isLacking {
        (status, report) = try run(without: rule, oneIn: 1024)
      }
      if status == .agreement && !isLacking {
        (status, report) = try run(without: rule, oneIn: nil)
      }
      // A run that was cut short says nothing about the rule.
      try #require([.agreement, .disagreement].contains(status), "\(rule.id): \(status)")
      if Self.isComplete { print("\(rule.id): \(status), \(ContinuousClock.now - start)") }
      if status == .disagreement {
        noticed.append(rule.id)
        #expect(report["agreement"] == .bool(false) && report["verdict"]?.text == "disagreement")
      } else if isLacking {
        lacking.append(rule.id)
      } else {
        unnoticed.append(rule.id)
      }
    }
    print(
      "rules left out of the model: \(noticed.count) noticed, \(lacking.count) need what this"
        + " machine lacks: \(lacking), \(unnoticed.count) not shown: \(unnoticed)")
    if Self.isComplete { #expect(noticed.count >= 40) } else { #expect(noticed.count == 5) }
  }
}
