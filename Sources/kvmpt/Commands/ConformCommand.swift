// kvmpt conform: does this machine's MMU do what the manual says?

import ArgumentParser
import Probe

struct ConformCommand: ReportingCommand {
  /// The formats of a report about a machine.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text, json
  }

  /// The spaces of cases.
  enum Profile: String, ExpressibleByArgument, CaseIterable {
    case quick, access, full

    var cases: ConformanceProfile {
      switch self {
      case .quick: .quick
      case .access: .access
      case .full: .full
      }
    }
  }

  static let configuration = CommandConfiguration(
    commandName: "conform",
    abstract: "Compare this machine with the manual over the whole matrix of entries and accesses.",
    discussion: """
      Every combination of two adjacent entries has its own linear address; each is used in every \
      processor mode and in every way. Outcome, error code, CR2, the page that is reached and the \
      A and D bits of the entries on the way are compared with the model, case by case. Where the \
      machine differs, rules are derived that say when and how. A rule that the baseline does not \
      have of such a machine ends the run with code 1.

      PROFILES:
        quick   a covering sample, some seconds
        access  the space of kvm-unit-tests' 'access', case for case
        full    everything that this machine can do, and sequences of accesses

      EXAMPLES:
        kvmpt conform
        kvmpt conform --profile access
        kvmpt conform --profile full --resume full.json --write-profile machine.json
        kvmpt conform --profile full --shard 3/8 --format json --output shard-3.json
        kvmpt merge shard-*.json

      \(ExitStatus.table)
      """)

  @Option(help: "The cases to run.")
  var profile = Profile.quick

  @Option(help: ArgumentHelp("Run one of several equal shares.", valueName: "number/count"))
  var shard = ShardArgument(.whole)

  @Option(
    help: ArgumentHelp(
      "Keep what is finished in a file, and go on from it if it is there.", valueName: "file"))
  var resume: String?

  @Option(
    name: .customLong("write-profile"),
    help: ArgumentHelp(
      "Write what the machine has and how it differs to a file for verify --machine-profile.",
      valueName: "file"))
  var profilePath: String?

  @OptionGroup var baseline: BaselineOptions

  @Option(help: "The format of the report.")
  var format = Format.text

  @OptionGroup var report: ReportOptions

  @OptionGroup var choice: MachineChoice

  @Option(
    help: ArgumentHelp(
      "The time limit of the whole run, such as 30s or 60m.", valueName: "time"))
  var timeout = TimeLimit(.seconds(3600))

  var namedFiles: CommandFiles {
    CommandFiles(
      written: [
        ("--output", report.output), ("--resume", resume), ("--write-profile", profilePath),
        ("--write-baseline", baseline.writtenPath),
      ], kept: [resume])
  }

  func execute() throws(CommandFailure) -> ExitStatus {
    try report.refuseColor(in: format)
    try choice.refuseBoth()
    let expected = try baseline.read()
    let destination = try report.open()
    return try ConformRun(command: self, expected: expected, destination: destination).run()
  }
}

/// A share as the command line writes it: `3/8`.
struct ShardArgument: ExpressibleByArgument {
  let shard: ConformanceShard

  init(_ shard: ConformanceShard) { self.shard = shard }

  init?(argument: String) {
    let parts = argument.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let number = Int(parts[0]), let count = Int(parts[1]),
      let shard = ConformanceShard(number, of: count)
    else { return nil }
    self.shard = shard
  }

  var defaultValueDescription: String { "\(shard.number)/\(shard.count)" }
}
