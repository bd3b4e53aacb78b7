// kvmpt doctor: can this machine do it, and if not, what would fix it?

import ArgumentParser
import KVM
import Probe

struct DoctorCommand: ReportingCommand {
  /// The formats of a report about the machine.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text, json
  }

  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Find out what this machine can prove, and what would fix what is missing.",
    discussion: """
      Opens the KVM device, runs a guest, tries each capability instead of believing CPUID, and \
      compares the machine with tables that are known to be right. A feature that fails its trial, \
      or costs the guest, is missing here, whatever CPUID promises. Takes 3 seconds on a KVM host and \
      at most 30 on an emulated one, and says what it left to conform.

      EXAMPLE:
        kvmpt doctor

      \(ExitStatus.table)
      """)

  @Option(help: "The format of the report.")
  var format = Format.text

  @OptionGroup var report: ReportOptions
  @OptionGroup var choice: MachineChoice

  var namedFiles: CommandFiles {
    CommandFiles(written: [("--output", report.output)])
  }

  func execute() throws(CommandFailure) -> ExitStatus {
    try report.refuseColor(in: format)
    try choice.refuseBoth()
    let destination = try report.open()
    let status = examine(to: destination)
    try destination.close()
    return status
  }

  /// A machine without KVM is a finding, too: it goes to the report.
  private func examine(to destination: ReportDestination) -> ExitStatus {
    let examination: Examination
    do throws(MachineError) {
      examination = try Examination.ofMachine(choice.open())
    } catch {
      switch format {
      case .text: destination.write(Self.text(error, report.styler(for: destination)))
      case .json: DoctorJSON(devicePath: choice.devicePath).write(error, to: destination)
      }
      return error.meansNoMachine ? .noKVM : .internalError
    }
    switch format {
    case .text:
      var output = destination
      DoctorText(examination: examination, styler: report.styler(for: destination))
        .write(to: &output)
    case .json:
      let isQEMU = examination.identity.walker == .tcg
      DoctorJSON(devicePath: isQEMU ? choice.qemuPath : choice.devicePath)
        .write(examination, to: destination)
    }
    return examination.problem == nil ? .agreement : .internalError
  }

  private static func text(_ error: MachineError, _ styler: TextStyler) -> String {
    var text = styler("not ready", .redBold) + ": \(PlainText.oneLine(error.message))\n"
    for step in Remedy.steps(for: error) { text += "  fix: \(PlainText.oneLine(step))\n" }
    return text
  }
}
