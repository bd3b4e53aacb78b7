// VerifyRun: one run of `kvmpt verify`, from its input to its exit code.

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
    let known = try knownDeviations()
    let report: VerificationReport
    do throws(VerificationError) {
      report = try provedOnMachine(known: known)
    } catch {
      guard case .machine(let problem) = error, problem.meansNoMachine else {
        throw CommandFailure(error, input: input)
      }
      switch command.missingKVM {
      case .fail: throw CommandFailure(problem, canPass: "--if-no-kvm")
      case .skip: return try skip(problem)
      case .model: report = try comparedWithModel()
      }
    }
    write(report)
    try destination.close()
    return Self.status(of: report)
  }

  /// The rules of `--machine-profile`, which must be about the machine at hand where there is one.
  private func knownDeviations() throws(CommandFailure) -> [Deviation] {
    guard let path = command.profilePath else { return [] }
    let profile = try ResultFile(path: path, schema: MachineProfileJSON.schema).machine()
    // A machine that cannot be opened is reported where it is used.
    guard let identity = try? command.machine.choice.open().identity else { return [] }
    guard
      identity.name == profile.identity.name, identity.walker == profile.identity.walker
    else {
      throw ResultFileError(
        path: path,
        reason: "it is about \(profile.identity.name) with tables walked by"
          + " \(profile.identity.walker.name), and this is \(identity.name) with tables walked by"
          + " \(identity.walker.name)"
      ).failure
    }
    return profile.deviations
  }

  /// A run that did not come to its end is no agreement, whatever it found until then.
  private static func status(of report: VerificationReport) -> ExitStatus {
    let reason = report.reasonForUnfinishedProbes
    if reason == .interrupted { return .interrupted }
    if !report.isAgreement { return .disagreement }
    return reason == nil ? .agreement : .timeLimitReached
  }

  /// Proves on the machine that was chosen; one that opens may still refuse to make a guest.
  private func provedOnMachine(
    known: [Deviation]
  ) throws(VerificationError) -> VerificationReport {
    var verifier: Verifier
    do throws(MachineError) {
      verifier = Verifier(factory: try command.machine.choice.open())
    } catch {
      throw .machine(error)
    }
    verifier.knownDeviations = known
    return try verify(with: verifier)
  }

  private func comparedWithModel() throws(CommandFailure) -> VerificationReport {
    do throws(VerificationError) {
      return try verify(with: .modelOnly)
    } catch {
      throw CommandFailure(error, input: input)
    }
  }

  private func verify(with verifier: Verifier) throws(VerificationError) -> VerificationReport {
    let line = ProgressLine(title: "probing")
    defer { line.finish() }
    var options = VerificationOptions()
    options.timeLimit = command.machine.timeout.duration
    options.isCancelled = { Interruption.isRequested }
    options.observer = { line.update(doneCount: $0, totalCount: $1) }
    return try verifier.verify(input.addressSpace, options: options)
  }

  private func skip(_ error: MachineError) throws(CommandFailure) -> ExitStatus {
    let reason = "KVM is needed: \(error.message)"
    var output = destination
    switch command.format {
    case .text: destination.write("skipped: \(reason)\n")
    case .tap: TAPWriter.writeSkipped(reason: reason, to: &output)
    case .junit:
      let suite = ReportSuite(
        name: input.path,
        cases: [ReportCase(name: "verify", group: "kvmpt", outcome: .skipped(reason: reason))])
      JUnitWriter.write(suite, to: &output)
    case .json:
      var json = JSONWriter(to: destination)
      json.beginObject()
      json.member("schema", "urn:kvmpt:schema:verification:1")
      json.member("version", Version.current)
      json.member("file", input.path)
      json.member("name", input.addressSpace.name)
      json.member("verdict", "skipped")
      json.member("reason", reason)
      json.endObject()
    }
    try destination.close()
    return .skipped
  }

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
    if case .brokenContract = error {
      self.init(.internalError, error.message, hint: error.hint)
      return
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
