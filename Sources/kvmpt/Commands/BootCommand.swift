// kvmpt boot: a small kernel is booted, and when it dies of its page tables, the reason is said.

import ArgumentParser
import Boot
import Probe

extension BootTables: ExpressibleByArgument {}

struct BootCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "boot",
    abstract: "Boot a kernel, and say why it died of its page tables.",
    discussion: """
      The kernel is an ELF64 executable. With --tables program-headers it is entered at its ELF entry \
      in 64-bit mode at CPL 0, on tables whose rights are the flags of its program headers, with a \
      stack and a direct map of RAM; with --tables own by the PVH protocol, in 32-bit mode without \
      paging, and makes its own. RDI (EBX with PVH) is the address of the PVH start information.

      A guest reports its result with a byte to port 0xf4, prints to the serial line at 0x3f8 or to \
      port 0xe9. Every other end is told by name: a triple fault, HLT with interrupts off, one fault \
      for ever, an instruction that KVM cannot execute, the time limit. Then the report says which \
      access it was, by which instruction, the walk with the entry and the bit to blame, why the \
      exception could not be delivered, and the likely cause.

      EXAMPLES:
        kvmpt boot kernel.elf
        kvmpt boot kernel.elf --machine qemu --serial serial.txt --format json

      \(ExitStatus.table)

      0 is only for a guest that reported success; 1 is every bad end. 69 is also for an instruction \
      that KVM cannot execute, and for HLT that waits for an interrupt there, where QEMU was not to be \
      asked.
      """)

  @Argument(help: ArgumentHelp("The kernel, an ELF64 executable.", valueName: "kernel"))
  var path: String

  @Option(
    help: ArgumentHelp(
      "The tables that the kernel starts on: program-headers or own."
        + " (default: own with a PVH note, else program-headers)", valueName: "tables"))
  var tables: BootTables?

  @Option(
    help: ArgumentHelp("The size of RAM, 4MiB to 3GiB. (default: 128MiB)", valueName: "size"),
    transform: PastedNumber.address)
  var memory: NumberArgument?

  @Option(help: ArgumentHelp("The command line of the kernel.", valueName: "text"))
  var cmdline = ""

  @Option(
    name: .customLong("success-exit"),
    help: ArgumentHelp(
      "The byte, 0 to 127, that the guest writes to port 0xf4 when all went well. (default: 0x10)",
      valueName: "byte"),
    transform: PastedNumber.errorCode)
  var successExit: NumberArgument?

  @Option(
    help: ArgumentHelp("The time limit of the guest, such as 500ms, 30s or 2m.", valueName: "time"))
  var timeout = TimeLimit(.seconds(10))

  @Option(
    help: ArgumentHelp("Write what the guest prints to a file.", valueName: "file"))
  var serial: String?

  @Option(help: "The format of the report.")
  var format = CheckCommand.Format.text

  @OptionGroup var choice: BootMachineChoice
  @OptionGroup var report: ReportOptions

  func validate() throws {
    if let successExit, successExit.value > 127 {
      throw ValidationError("--success-exit takes 0 to 127: the exit port has seven bits")
    }
  }

  var namedFiles: CommandFiles {
    CommandFiles(read: [path], written: [("--output", report.output), ("--serial", serial)])
  }

  func execute() throws(CommandFailure) -> ExitStatus {
    try report.refuseColor(in: format)
    Interruption.install()
    var options = BootOptions()
    options.memoryByteCount = memory?.value ?? options.memoryByteCount
    options.commandLine = cmdline
    options.tables = tables
    options.timeLimit = timeout.duration
    options.successByte = UInt8(truncatingIfNeeded: successExit?.value ?? 0x10)
    options.physicalAddressWidth = choice.givenPhysicalAddressWidth ?? 48
    let destination = try report.open()
    let serialFile = try openSerial()
    let run = try BootRun(
      path: path, options: options, choice: choice, serial: serialFile
    ).answer()
    let answer = BootReport(path: path, run: run, options: options, showsOutput: serial == nil)
    switch format {
    case .text: destination.write(answer.text(report.styler(for: destination)))
    case .json:
      var json = JSONWriter(to: destination)
      answer.write(to: &json)
    }
    try serialFile?.close()
    try destination.close()
    return answer.status
  }

  private func openSerial() throws(CommandFailure) -> ReportDestination? {
    guard let serial else { return nil }
    do throws(ReportDestinationError) {
      return try ReportDestination(path: serial, fallback: .nothing)
    } catch {
      throw CommandFailure(error)
    }
  }
}
