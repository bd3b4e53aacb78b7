// kvmpt check: is an address-space file well-formed and free of contradictions? No KVM is needed.

import ArgumentParser
import GuestMem
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

  /// What became of one of the files.
  private enum Answer {
    case read(AddressSpaceFileReader.Outcome)
    case unreadable(InputFileError)
  }

  var namedFiles: CommandFiles {
    CommandFiles(read: files, written: [("--output", report.output)])
  }

  func execute() throws(CommandFailure) -> ExitStatus {
    try report.refuseColor(in: format)
    let reader = AddressSpaceFileReader(limits: .ofThisHost())
    // Everything is read before the output is opened, which may be one of the files.
    let answers = files.map { Self.answer(for: $0, reader) }
    let destination = try report.open()
    switch format {
    case .text:
      let styler = report.styler(for: destination)
      for (path, answer) in zip(files, answers) {
        if case .read(.file(let file)) = answer { Self.write(file, path, to: destination, styler) }
      }
    case .json:
      var json = JSONWriter(to: destination)
      json.beginObject()
      json.member("schema", "urn:kvmpt:schema:check:1")
      json.member("version", Version.current)
      json.key("files")
      json.beginArray()
      for (path, answer) in zip(files, answers) { Self.write(answer, path, to: &json) }
      json.endArray()
      json.endObject()
    }
    try destination.close()
    let failures = zip(files, answers).compactMap { Self.failure($0, $1)?.text }
    if failures.isEmpty { return .agreement }
    if format == .text { writeToStandardError(failures.joined(separator: "\n") + "\n") }
    return .badInput
  }

  private static func answer(for path: String, _ reader: AddressSpaceFileReader) -> Answer {
    do throws(InputFileError) {
      let bytes = try InputFile.bytes(of: path, byteLimit: reader.limits.fileByteCount)
      return .read(reader.read(bytes, path: path))
    } catch {
      return .unreadable(error)
    }
  }

  private static func failure(_ path: String, _ answer: Answer) -> CommandFailure? {
    switch answer {
    case .read(.file): nil
    case .read(.problems(let problems, let droppedCount)):
      CommandFailure(problems, droppedCount: droppedCount, path: path)
    case .unreadable(let error): CommandFailure(error)
    }
  }

  private static func write(
    _ file: AddressSpaceFile, _ path: String, to destination: ReportDestination,
    _ styler: TextStyler
  ) {
    let space = file.addressSpace
    destination.write(
      "\(PlainText.oneLine(path)): \(styler("ok", .green)): \(counted(space.mappings.count, "mapping")), "
        + "\(counted(space.expectations.count, "expectation")), "
        + "\(space.memoryWords), \(space.rootLevel.rawValue) levels"
        + (space.recursiveSlot.map { ", \($0.words)" } ?? "") + "\n")
  }

  private static func write(
    _ answer: Answer, _ path: String, to json: inout JSONWriter<ReportDestination>
  ) {
    json.beginObject()
    json.member("file", path)
    switch answer {
    case .read(.file(let file)):
      json.member("name", file.addressSpace.name)
      json.member("mappings", file.addressSpace.mappings.count)
      json.member("expectations", file.addressSpace.expectations.count)
      write([], droppedCount: 0, to: &json)
    case .read(.problems(let problems, let droppedCount)):
      write(problems, droppedCount: droppedCount, to: &json)
    case .unreadable(let error):
      let problem = InputProblem(
        "unreadable", at: .start, "the file cannot be read: \(error.reason)", hint: error.hint)
      write([problem], droppedCount: 0, to: &json)
    }
    json.endObject()
  }

  private static func write(
    _ problems: [InputProblem], droppedCount: Int, to json: inout JSONWriter<ReportDestination>
  ) {
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
}

/// A number and its noun, such as `1 mapping` or `2 mappings`.
func counted(_ count: Int, _ noun: String) -> String {
  "\(count) \(noun)\(count == 1 ? "" : "s")"
}
