// Every option of every command does something, or is refused.

import Glibc
import TestHosts
import TestSupport
import Testing

@testable import kvmpt

@Suite("An option has an effect or is refused", .serialized)
struct OptionEffectTests {
  static let groups: [(String, [OptionCase])] = [
    ("tables", OptionCase.tableOptions), ("registers", OptionCase.registerOptions),
    ("explain", OptionCase.explainOptions), ("images", OptionCase.otherImageOptions),
    ("reports", OptionCase.reportOptions), ("machines", OptionCase.machineOptions),
    ("runs", OptionCase.runOptions), ("boot", OptionCase.bootOptions),
  ]
  static let all = groups.flatMap(\.1)

  /// The options of `merge` are tried on a report that ``merges()`` makes.
  private static let mergeOptions: Set<String> = [
    "merge --write-profile", "merge --baseline", "merge --write-baseline",
    "merge --format", "merge --output", "merge --color",
  ]

  /// What `--live` does is tried on a QEMU that runs, by ``LiveSourceTests``; the commands open it in one way.
  private static let liveOptions = Set(
    ["aliases", "audit", "convert", "diff", "dump", "explain", "stats", "verify", "walk"].map {
      "\($0) --live"
    })

  @Test("Every option of every command stands in the table with an effect")
  func everyOption() throws {
    let help = try JSONValue(json: ProgramRun(["--experimental-dump-help"]).output)
    let commands = try #require(help["command"]?["subcommands"]).elements
    var options: Set<String> = []
    for command in commands {
      let name = try #require(command["commandName"]?.text)
      if name == "help" { continue }
      for argument in command["arguments"]?.elements ?? [] {
        let kind = argument["kind"]?.text
        guard kind != "positional", let option = argument["preferredName"]?["name"]?.text,
          option != "help", option != "version"
        else { continue }
        options.insert("\(name) --\(option)")
      }
    }
    #expect(options.count > 100)
    var withEffect = Self.mergeOptions.union(Self.liveOptions)
    for entry in Self.all {
      if case .refused = entry.outcome { continue }
      withEffect.insert("\(entry.command) \(entry.option[0])")
    }
    #expect(options.subtracting(withEffect).sorted() == [], "these have no row with an effect")
    #expect(withEffect.subtracting(options).sorted() == [], "these are no options any more")
  }

  @Test("Each case that needs no machine is as the table says", arguments: groups.map(\.0))
  func cases(_ group: String) throws { check(group, .nothing) }

  @Test(
    "Each case of a guest on KVM is as the table says",
    .enabled(if: Host.hasKVM, "needs /dev/kvm"), arguments: groups.map(\.0))
  func casesOnKVM(_ group: String) throws { check(group, .kvm) }

  @Test(
    "Each case of a guest on QEMU is as the table says",
    .enabled(if: Host.hasQEMU, "\(Host.qemuReason)"),
    arguments: TestSetting.share(groups.map(\.0), oneIn: 4))
  func casesOnQEMU(_ group: String) throws { check(group, .qemu) }

  private func check(_ group: String, _ need: OptionCase.Need) {
    for entry in Self.groups.first(where: { $0.0 == group })?.1 ?? [] where entry.need == need {
      withKnownContext("\(entry.testDescription)") { try entry.check() }
    }
  }

  /// Says which case an expectation is about.
  private func withKnownContext(_ words: String, _ body: () throws -> Void) {
    #expect(throws: Never.self, "\(words)") { try body() }
  }

  @Test(
    "The options of merge change what it writes",
    .enabled(if: Host.hasKVM, "needs /dev/kvm, for a report to merge"))
  func merges() throws {
    let report = try TemporaryFile()
    let made = try ProgramRun(["conform", "--format", "json", "--output", report.path])
    try #require(made.exitCode == 0, "\(made.errors)")
    for (option, outcome) in [
      (["--format", "json"], OptionCase.Outcome.changes), (["--color", "always"], .changes),
      (["--output", "@FILE"], .writes), (["--write-profile", "@FILE"], .writes),
      (["--baseline", "/no/such/baseline"], .changes), (["--write-baseline", "@FILE"], .writes),
    ] {
      try OptionCase(
        command: "merge", situation: [report.path], option: option, outcome: outcome
      ).check()
    }
  }
}
