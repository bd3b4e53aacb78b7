// VerifyImageRun: one run of `kvmpt verify` about a memory image.

import GuestMem
import Inspection
import MMU
import Probe

/// Proves the tables in an image.
struct VerifyImageRun {
  let command: VerifyCommand
  let expected: ExpectedSide?
  let destination: ReportDestination

  /// Runs, writes the report, and says what came of it.
  func run(_ image: borrowing OpenedImage) throws(CommandFailure) -> ExitStatus {
    Interruption.install()
    var verifier: Verifier
    do throws(MachineError) {
      verifier = try command.machine.choice.verifier()
    } catch {
      return try runWithoutMachine(error, image)
    }
    try command.useProfile(in: &verifier)
    let report: ImageReport
    do throws(ImageProofError) {
      report = try verify(image, with: verifier)
    } catch {
      // A machine that opens may still refuse to make a guest.
      guard case .machine(let problem) = error, problem.meansNoMachine else {
        throw CommandFailure(error, path: image.path)
      }
      guard let other = command.machine.choice.alternative(to: verifier) else {
        return try runWithoutMachine(problem, image)
      }
      return try finish(proved(image, with: other), image)
    }
    return try finish(report, image)
  }

  /// Does what `--if-no-kvm` says.
  private func runWithoutMachine(
    _ problem: MachineError, _ image: borrowing OpenedImage
  ) throws(CommandFailure) -> ExitStatus {
    switch command.missingKVM {
    case .fail: throw CommandFailure(problem, canPass: "--if-no-kvm")
    case .skip:
      try VerifyRun.skip(problem, SkippedInput(name: image.path), command.format, destination)
      return ExitStatus(withoutMachineAllowing: command.allowed)
    case .model: return try finish(proved(image, with: .modelOnly), image)
    }
  }

  private func finish(
    _ report: ImageReport, _ image: borrowing OpenedImage
  ) throws(CommandFailure) -> ExitStatus {
    write(report, image)
    try destination.close()
    return ExitStatus(report, allowing: command.allowed)
  }

  private func proved(
    _ image: borrowing OpenedImage, with verifier: Verifier
  ) throws(CommandFailure) -> ImageReport {
    do throws(ImageProofError) {
      return try verify(image, with: verifier)
    } catch {
      throw CommandFailure(error, path: image.path)
    }
  }

  private func verify(
    _ image: borrowing OpenedImage, with verifier: Verifier
  ) throws(ImageProofError) -> ImageReport {
    let line = ProgressLine(title: "probing")
    defer { line.finish() }
    var options = VerificationOptions()
    options.timeLimit = command.machine.timeout.duration
    options.isCancelled = { Interruption.isRequested }
    options.observer = { line.update(doneCount: $0, totalCount: $1) }
    command.useExtent(in: &options, line)
    var expectation = expected?.expectation
    expectation?.space.processor = image.settings
    return try verifier.verify(
      image.memory,
      ImageQuestion(
        cr3: image.cr3, configuration: image.tables.configuration, settings: image.settings,
        expectation: expectation, pageAttributeTable: image.pat.value), options: options)
  }

  private func write(_ report: ImageReport, _ image: borrowing OpenedImage) {
    var output = destination
    let asked =
      expected?.words
      ?? "nothing: two answers, modelled and executed; --expect FILE gives a third"
    switch command.format {
    case .text:
      let styler = command.report.styler(for: destination)
      ImageReportText(
        report: report, head: ImageText.head(image, styler), asked: asked, styler: styler,
        emptyRoot: report.deadEnds.mapsPages ? nil : image.emptyRootReason()
      ).write(to: &output)
    case .json:
      ImageReportJSON(
        report: report, path: image.path, cr3: image.cr3,
        rootLevel: image.tables.configuration.rootLevel,
        assumed: image.assumptions.words(of: image), expected: expected?.path
      ).write(to: destination)
    case .junit:
      JUnitWriter.write(ReportSuite(report, path: image.path, asked: asked), to: &output)
    case .tap: TAPWriter.write(ReportSuite(report, path: image.path, asked: asked), to: &output)
    }
  }
}

extension CommandFailure {
  /// The proof of an image came to no report.
  init(_ error: ImageProofError, path: String) {
    switch error {
    case .machine(let error): self.init(error, canPass: nil)
    case .image(let error): self.init(error, path: path)
    case .tooManyTables, .tooManyRanges, .configuration:
      self.init(.badInput, "\(quoted(path)): \(error.message) [\(error.id)]", hint: error.hint)
    }
  }
}

extension OpenedImage {
  /// The control registers as the proof needs them.
  var settings: ProcessorSettings {
    var settings = ProcessorSettings()
    settings.isNoExecuteEnabled = tables.configuration.isNoExecuteEnabled
    settings.controls = mode.controls
    return settings
  }
}
