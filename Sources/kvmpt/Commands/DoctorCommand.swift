// kvmpt doctor: can this machine do it, and if not, what would fix it?

import ArgumentParser
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
      compares the machine with tables that are known to be right.

      EXAMPLE:
        kvmpt doctor

      \(ExitStatus.table)
      """)

  @Option(help: "The format of the report.")
  var format = Format.text

  @OptionGroup var report: ReportOptions
  @OptionGroup var machine: MachineOptions

  func execute() throws(CommandFailure) -> ExitStatus {
    throw CommandFailure(.internalError, "the examination is not part of this build")
  }
}
