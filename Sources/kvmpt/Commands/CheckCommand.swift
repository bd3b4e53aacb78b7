// kvmpt check: is an address-space file well-formed and free of contradictions? No KVM is needed.

import ArgumentParser
import MMU
import Probe

struct CheckCommand: ReportingCommand {
  /// The formats of a report about files.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text, json
  }

  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Read address-space files and report every mistake, without running anything.",
    discussion: """
      EXAMPLE:
        kvmpt check Examples/*.yaml
      """)

  @Argument(help: ArgumentHelp("Address-space files; '-' is standard input.", valueName: "file"))
  var files: [String]

  @Option(help: "The format of the report.")
  var format = Format.text

  @OptionGroup var report: ReportOptions

  func execute() throws(CommandFailure) -> ExitStatus {
    let reader = AddressSpaceFileReader(limits: .ofThisHost())
    let destination = try report.open()
    let styler = report.styler(for: destination)
    var json = JSONWriter(to: destination)
    var failures: [String] = []
    if format == .json {
      json.beginObject()
      json.member("schema", "urn:kvmpt:schema:check:1")
      json.member("version", Version.current)
      json.key("files")
      json.beginArray()
    }
    for path in files {
      let outcome = try reader.read(path: path)
      switch format {
      case .json: Self.write(outcome, path: path, to: &json)
      case .text: Self.write(outcome, path: path, to: destination, styler)
      }
      if case .problems(let problems, let droppedCount) = outcome {
        failures.append(CommandFailure(problems, droppedCount: droppedCount, path: path).text)
      }
    }
    if format == .json {
      json.endArray()
      json.endObject()
    }
    try destination.close()
    if failures.isEmpty { return .agreement }
    if format == .text { writeToStandardError(failures.joined(separator: "\n") + "\n") }
    return .badInput
  }

  private static func write(
    _ outcome: AddressSpaceFileReader.Outcome, path: String, to destination: ReportDestination,
    _ styler: TextStyler
  ) {
    guard case .file(let file) = outcome else { return }
    let space = file.addressSpace
    destination.write(
      "\(path): \(styler("ok", .green)): \(counted(space.mappings.count, "mapping")), "
        + "\(counted(space.expectations.count, "expectation")), "
        + "\(ByteCount(space.memoryByteCount)) of memory, \(space.rootLevel.rawValue) levels\n")
  }

  private static func write(
    _ outcome: AddressSpaceFileReader.Outcome, path: String,
    to json: inout JSONWriter<ReportDestination>
  ) {
    json.beginObject()
    json.member("file", path)
    switch outcome {
    case .file(let file):
      json.member("name", file.addressSpace.name)
      json.member("mappings", file.addressSpace.mappings.count)
      json.member("expectations", file.addressSpace.expectations.count)
      json.key("problems")
      json.beginArray()
      json.endArray()
    case .problems(let problems, let droppedCount):
      json.key("problems")
      json.beginArray()
      for problem in problems {
        json.beginObject()
        json.member("id", problem.id)
        json.member("line", problem.position.line)
        json.member("column", problem.position.column)
        json.member("message", problem.message)
        json.member("hint", problem.hint)
        json.endObject()
      }
      json.endArray()
      json.member("further-problems", droppedCount)
    }
    json.endObject()
  }
}

/// A number and its noun, such as `1 mapping` or `2 mappings`.
func counted(_ count: Int, _ noun: String) -> String {
  "\(count) \(noun)\(count == 1 ? "" : "s")"
}
