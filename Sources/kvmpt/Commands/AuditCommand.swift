// kvmpt audit: named rules over somebody else's tables.

import ArgumentParser
import GuestMem
import Inspection
import MMU

struct AuditCommand: ReportingCommand {
  /// The formats of an audit.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text, json, junit, sarif
  }

  /// From which severity on a finding counts.
  enum Severity: String, ExpressibleByArgument, CaseIterable {
    case note, warning, error

    var severity: AuditSeverity {
      switch self {
      case .note: .note
      case .warning: .warning
      case .error: .error
      }
    }
  }

  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Check the tables in a memory image against named rules.",
    discussion: """
      The exit code is 77 when there are more mappings than the rules about memory that is mapped \
      twice compare, or none. It is 1 when a finding is as severe as --fail-on says and is not on the \
      allow-list, whose lines read RULE RANGE REASON (a range is FIRST-LAST, or *).

      RULES (each has a page in Documentation/audit):
      \(AuditRule.allCases.map { "  \($0.rawValue) (\($0.severity)): \($0.title)" }
        .joined(separator: "\n"))

      EXAMPLES:
        kvmpt audit guest.core
        kvmpt audit guest.core --allow accepted.txt --format sarif --output audit.sarif

      \(ExitStatus.table)
      """)

  @Argument(help: ArgumentHelp(ImageSource.help, valueName: "image"))
  var path: String

  @Option(help: ArgumentHelp("A file of accepted findings.", valueName: "file"))
  var allow: String?

  @Option(
    name: .customLong("fail-on"),
    help: ArgumentHelp("The severity from which on findings fail.", valueName: "severity"))
  var failOn = Severity.warning

  @Option(
    name: .customLong("user-stack"),
    help: ArgumentHelp(
      "An address in the user's stack (default: RSP of the image, at CPL 3).",
      valueName: "address"), transform: PastedNumber.address)
  var userStack: NumberArgument?

  @Option(help: "The format of the report.")
  var format = Format.text

  @OptionGroup var report: ReportOptions
  @OptionGroup var options: ImageOptions
  @OptionGroup var registers: RegisterOptions
  @OptionGroup var types: MemoryTypeOptions

  var namedFiles: CommandFiles {
    CommandFiles(read: [path, allow], written: [("--output", report.output)])
  }

  func execute() throws(CommandFailure) -> ExitStatus {
    try report.refuseColor(in: format)
    let image = try OpenedImage.open(
      path: path, options: options, registers: registers.values, pat: types.givenPAT)
    let allowed = try allow.map { path throws(CommandFailure) in try AllowList(path: path) }
    let destination = try report.open()
    let found = image.tables.audit(
      in: image.memory, under: image.auditConditions(userStack: userStack?.value))
    let answer = AuditAnswer(
      found, path: path, allowed: allowed ?? AllowList(), failOn: failOn.severity,
      emptyRoot: found.mapsPages ? nil : image.emptyRootReason())
    let styler = report.styler(for: destination)
    switch format {
    case .text:
      destination.write(ImageText.head(image, styler))
      answer.writeText(to: destination, styler)
    case .json:
      answer.writeJSON(
        to: destination, cr3: image.cr3, assumed: image.assumptions.words(of: image))
    case .sarif: answer.writeSARIF(to: destination)
    case .junit:
      var output = destination
      JUnitWriter.write(answer.suite, to: &output)
    }
    try image.requireWhole()
    try destination.close()
    return answer.verdict.status
  }
}
