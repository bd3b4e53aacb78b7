// VerifyRun: one run of `kvmpt verify`, from its input to its exit code.

import GuestMem
import KVM
import MMU
import Probe

/// One run of `kvmpt verify` after its input has been read.
struct VerifyRun {
  let command: VerifyCommand
  let input: AddressSpaceFile
  let destination: ReportDestination

  func run() throws(CommandFailure) -> ExitStatus {
    Interruption.install()
    var verifier: Verifier
    do throws(MachineError) {
      verifier = try command.machine.choice.verifier()
    } catch {
      return try runWithoutMachine(error)
    }
    try command.useProfile(in: &verifier)
    let report: VerificationReport
    do throws(VerificationError) {
      report = try verify(with: verifier)
    } catch {
      // A machine that opens may still refuse to make a guest.
      guard case .machine(let problem) = error, problem.meansNoMachine else {
        throw CommandFailure(error, input: input)
      }
      guard let other = command.machine.choice.alternative(to: verifier) else {
        return try runWithoutMachine(problem)
      }
      return try finish(proved(with: other))
    }
    return try finish(report)
  }

  /// Does what `--if-no-kvm` says.
  private func runWithoutMachine(_ problem: MachineError) throws(CommandFailure) -> ExitStatus {
    switch command.missingKVM {
    case .fail: throw CommandFailure(problem, canPass: "--if-no-kvm")
    case .skip:
      let skipped = SkippedInput(name: input.path, title: input.addressSpace.name)
      try Self.skip(problem, skipped, command.format, destination)
      return ExitStatus(withoutMachineAllowing: command.allowed)
    case .model: return try finish(proved(with: .modelOnly))
    }
  }

  private func finish(_ report: VerificationReport) throws(CommandFailure) -> ExitStatus {
    write(report)
    try destination.close()
    return ExitStatus(report, allowing: command.allowed)
  }

  private func proved(with verifier: Verifier) throws(CommandFailure) -> VerificationReport {
    do throws(VerificationError) {
      return try verify(with: verifier)
    } catch {
      throw CommandFailure(error, input: input)
    }
  }

  private func verify(with verifier: Verifier) throws(VerificationError) -> VerificationReport {
    let line = ProgressLine(title: "probing")
    defer { line.finish() }
    var options = VerificationOptions()
    // Reading the file was part of the run.
    options.timeLimit = max(.zero, command.machine.timeout.duration - Program.age)
    options.isCancelled = { Interruption.isRequested }
    options.observer = { line.update(doneCount: $0, totalCount: $1) }
    command.useExtent(in: &options, line)
    return try verifier.verify(input.addressSpace, options: options)
  }

  /// Reports that nothing was run for want of KVM.
  static func skip(
    _ error: MachineError, _ input: SkippedInput, _ format: ReportFormat,
    _ destination: ReportDestination
  ) throws(CommandFailure) {
    let reason = "KVM is needed: \(error.message)"
    var output = destination
    switch format {
    case .text:
      destination.write(
        "skipped: \(PlainText.oneLine(reason))\n" + UnprovedText.line(Self.missing) + "\n")
    case .tap: TAPWriter.writeSkipped(reason: reason, to: &output)
    case .junit:
      let suite = ReportSuite(
        name: input.name,
        cases: [ReportCase(name: "verify", group: "kvmpt", outcome: .skipped(reason: reason))])
      JUnitWriter.write(suite, to: &output)
    case .json:
      var json = JSONWriter(to: destination)
      json.beginObject()
      json.member("schema", ProofJSON.schema)
      json.member("version", Version.current)
      json.member("file", input.name)
      json.member("name", input.title)
      json.member("verdict", "skipped")
      json.member("reason", reason)
      ProofJSON.write([Self.missing], to: &json)
      json.endObject()
    }
    try destination.close()
  }

  /// What is unproved where nothing was run.
  private static let missing = Unproved(.notRun(.noMachine), count: 0, on: nil)

  private func write(_ report: VerificationReport) {
    var output = destination
    switch command.format {
    case .text:
      TextReport(
        report: report, path: input.path, styler: command.report.styler(for: destination)
      ).write(to: &output)
    case .json: JSONReport(report: report, file: input).write(to: destination)
    case .junit: JUnitWriter.write(ReportSuite(report, file: input), to: &output)
    case .tap: TAPWriter.write(ReportSuite(report, file: input), to: &output)
    }
  }
}

/// What a run would have been about.
struct SkippedInput {
  /// The path as given.
  let name: String
  /// The name in the file.
  var title = ""
}

extension CommandFailure {
  /// The machine is missing or failed.
  init(_ error: MachineError, canPass option: String?) {
    var hint = error.hint
    if error.meansNoMachine, let option {
      if case .kvm = error { hint += "; or pass --machine qemu" }
      hint += "; or pass \(option) skip or \(option) model"
    }
    self.init(error.meansNoMachine ? .noKVM : .internalError, error.message, hint: hint)
  }

  /// The verification came to no report.
  init(_ error: VerificationError, input: AddressSpaceFile) {
    switch error {
    case .machine(let error): self.init(error, canPass: nil)
    case .build(let error): self.init(error, input: input)
    }
  }

  /// The tables cannot be built; the message says where in the file.
  init(_ error: AddressSpaceBuildError, input: AddressSpaceFile) {
    switch error {
    // What the host refuses is not the file's fault.
    case .brokenContract, .memory, .frames(_, .metadataRefused):
      self.init(.internalError, error.message, hint: error.hint)
      return
    case .unfinished(let reason):
      let status = reason == .interrupted ? ExitStatus.interrupted : .timeLimitReached
      self.init(status, error.message, hint: error.hint)
      return
    case .invalid, .frames, .tables: break
    }
    let subject: AddressSpaceSubject =
      error.mapping.map { .mapping($0, .byteCount) } ?? .memory
    self.init(
      [
        InputProblem(
          error.id, at: input.positions[subject], error.message, hint: error.hint)
      ], droppedCount: 0, path: input.path)
  }
}
