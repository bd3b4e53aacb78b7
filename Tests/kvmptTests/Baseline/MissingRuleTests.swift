// A model that lacks one rule ends conform with 1: no rule that could be derived excuses it.

import ArgumentParser
import MMU
import Probe
import TestHosts
import TestSupport
import Testing

@testable import kvmpt

@Suite(
  "conform notices a rule that the model lacks, whatever rule could be derived", .serialized,
  .enabled(if: Host.hasKVM, "needs /dev/kvm"))
struct MissingRuleTests {
  /// Rules that every host shows, each from another part of the model.
  private static let some: [ArchitectureRule] = [
    .present(at: .pageTable), .writeProtectStopsSupervisorWrite, .errorCodeWrite,
  ]

  /// All rules with `KVMPT_MISSING_RULES=all` or where tests are to be full; otherwise `some`, and those
  /// whose turn it is.
  private static func rules(_ some: [ArchitectureRule], oneIn count: Int) -> [ArchitectureRule] {
    if TestSetting.text("KVMPT_MISSING_RULES") == "all" { return Array(ArchitectureRule.allCases) }
    let share = TestSetting.share(Array(ArchitectureRule.allCases), oneIn: count)
    return some.filter { !share.contains($0) } + share
  }

  /// The rules that a machine cannot show whatever it has, with the reason.
  private static func unshowable(_ machine: String) -> [ArchitectureRule: String] {
    var rules: [ArchitectureRule: String] = [
      .faultLeavesLeafUntouched: "without it the model leaves A of the leaf open, set or not"
    ]
    if machine == "qemu" {
      rules[.stackFaultForStackAccess] = "QEMU raises #GP there, as the baseline says"
    }
    return rules
  }

  /// What `conform` makes of a machine with a model that lacks `rule`.
  private func run(
    without rule: ArchitectureRule?, oneIn: UInt64?, on machine: String = "kvm"
  ) throws -> (status: kvmpt.ExitStatus, report: JSONValue) {
    let file = try TemporaryFile()
    let command = try ConformCommand.parse([
      "--format", "json", "--machine", machine,
      // On QEMU every difference comes in many kinds, of which the search for rules makes the most.
      "--timeout", machine == "kvm" ? "100s" : "40s",
    ])
    let status = try ConformRun(
      command: command, expected: BaselineFile.builtIn(),
      destination: ReportDestination(path: file.path), missingRule: rule, sampledOneIn: oneIn
    ).run()
    return (status, try JSONValue(json: file.text()))
  }

  /// What a machine needs to show a rule; descriptors are those that CPL 3 loads.
  private static func needs(of rule: ArchitectureRule) -> Set<String> {
    switch rule {
    case .smepStopsSupervisorFetch, .errorCodeFetchWithSMEP: ["smep"]
    case .smapStopsSupervisorRead, .smapStopsSupervisorWrite, .alignmentCheckFlagSuspendsSMAP:
      ["smap"]
    case .implicitAccessIsSupervisorAccess: ["descriptors"]
    case .implicitAccessIgnoresAlignmentCheckFlag: ["descriptors", "smap"]
    case .userKeyAccessDisable, .userKeyWriteDisable, .errorCodeProtectionKey,
      .keyWriteDisableNeedsWriteProtect, .keyDoesNotStopFetch, .keyIsReadFromLeafOnly:
      ["protection-keys"]
    case .supervisorKeyAccessDisable, .supervisorKeyWriteDisable: ["supervisor-protection-keys"]
    case .canonicalAddress(.bits57): ["5-level-paging"]
    case .pageSizeReserved(at: .pageDirectoryPointerTable): ["no-1gib-pages"]
    case .bit8Reserved(at: .pageMapLevel4): ["amd"]
    case .bit8Reserved(at: .pageMapLevel5): ["amd", "5-level-paging"]
    case .pageSize(.size1GiB), .patBit(in: .size1GiB), .offset(in: .size1GiB),
      .lowAddressReserved(in: .size1GiB),
      .dirty(in: .size1GiB):
      ["1gib-pages"]
    default: rule.id.hasSuffix("pml5e") ? ["5-level-paging"] : []
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
    try expectMissed(Self.rules(Self.some, oneIn: 20), on: "kvm")
  }

  @Test(
    "Each rule that QEMU can show is missed: exit code 1",
    .enabled(if: Host.hasQEMU, "\(Host.qemuReason)"))
  func eachRuleOfQEMU() throws {
    // One that the machines of KVM lack.
    try expectMissed(Self.rules([.userKeyAccessDisable], oneIn: 40), on: "qemu")
  }

  private func expectMissed(_ rules: [ArchitectureRule], on machine: String) throws {
    var noticed: [ArchitectureRule] = []
    var unnoticed: [ArchitectureRule] = []
    let lacking = try lackingFeatures(of: machine)
    let unshowable = Self.unshowable(machine)
    func canBeShown(_ rule: ArchitectureRule) -> Bool {
      unshowable[rule] == nil && Self.needs(of: rule).isDisjoint(with: lacking)
    }
    for rule in rules {
      let start = ContinuousClock.now
      var (status, report) = try run(without: rule, oneIn: 4096, on: machine)
      // What a small sample does not show, a larger one may.
      if status == .agreement && canBeShown(rule) {
        (status, report) = try run(without: rule, oneIn: 1024, on: machine)
      }
      if status == .agreement && canBeShown(rule) {
        (status, report) = try run(without: rule, oneIn: nil, on: machine)
      }
      // A run that was cut short says nothing about the rule.
      try #require([.agreement, .disagreement].contains(status), "\(rule.id): \(status)")
      print("\(rule.id): \(status), \(ContinuousClock.now - start)")
      if status == .disagreement {
        noticed.append(rule)
        #expect(report["agreement"] == .bool(false) && report["verdict"]?.text == "disagreement")
      } else {
        unnoticed.append(rule)
      }
    }
    let expected = rules.filter { canBeShown($0) }
    print(
      "rules left out of the model: \(noticed.count) of \(expected.count) that \(machine) can show"
        + " here are missed; without \(lacking.sorted()) it cannot show \(unnoticed.map(\.id))")
    #expect(noticed == expected)
  }

  /// What of `needs(of:)` a machine does not have.
  private func lackingFeatures(of machine: String) throws -> Set<String> {
    let report = try run(without: nil, oneIn: 4096, on: machine).report
    let features = report["machine"]?["features"]?.elements.compactMap(\.text) ?? []
    let all = ArchitectureRule.allCases.reduce(into: Set<String>()) {
      $0.formUnion(Self.needs(of: $1))
    }
    // Intel's processors ignore bit 8 there.
    let others = [
      ("descriptors", report["not-run"]?["no-descriptor-reads"] == nil),
      ("no-1gib-pages", !features.contains("1gib-pages")),
      ("amd", report["machine"]?["vendor"]?.text == "amd"),
    ]
    return all.subtracting(features).subtracting(others.filter(\.1).map(\.0))
  }
}
