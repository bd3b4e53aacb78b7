// kvmpt verify: the main job. Build what a file asks for, let a guest use it, compare.

import ArgumentParser
import Probe

struct VerifyCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Build the page tables of an address-space file and prove them on a real guest.",
    discussion: """
      Every mapping is read, written and executed at CPL 0 and CPL 3, and so are its unmapped \
      neighbours. What the machine did is compared with what the file asks for and with what the \
      architecture manual says about the bytes of the tables.

      EXAMPLES:
        kvmpt verify Examples/higher-half-kernel.yaml
        kvmpt verify Examples/user-process.yaml --format junit --output report.xml
        kvmpt verify Examples/user-process.yaml --machine-profile machine.json

      \(ExitStatus.table)
      """)

  @Argument(help: ArgumentHelp("An address-space file; '-' is standard input.", valueName: "file"))
  var file: String

  @Option(help: "The format of the report.")
  var format = ReportFormat.text

  @OptionGroup var report: ReportOptions
  @OptionGroup var machine: MachineOptions

  @Option(
    name: .customLong("machine-profile"),
    help: ArgumentHelp(
      "How this machine differs from the manual, as kvmpt conform --write-profile found it.",
      valueName: "file"))
  var profilePath: String?

  @Option(
    name: .customLong("if-no-kvm"),
    help: ArgumentHelp(
      "Without KVM: fail (exit code 69), skip (77), or compare with the model only.",
      valueName: "policy"))
  var missingKVM = MissingKVMPolicy.fail

  func execute() throws(CommandFailure) -> ExitStatus {
    let reader = AddressSpaceFileReader(limits: .ofThisHost())
    let input = try reader.requireFile(path: file)
    let destination = try report.open()
    return try VerifyRun(command: self, input: input, destination: destination).run()
  }
}
