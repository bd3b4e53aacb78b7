// Kvmpt: the command line's root command.

import ArgumentParser

/// A command that reports something and ends with a code that means something.
protocol ReportingCommand: ParsableCommand {
  /// The files that the command line names, which are looked at before the work.
  var namedFiles: CommandFiles { get }

  /// Does the work; results go to standard output, everything else to standard error.
  func execute() throws(CommandFailure) -> ExitStatus
}

struct Kvmpt: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kvmpt",
    abstract: "Prove x86-64 page tables on a real MMU.",
    discussion: """
      kvmpt writes page tables for the address space that a file describes, boots a tiny guest \
      on them under KVM, lets the guest use every mapping, and reports where what was asked, \
      what the architecture manual says and what the machine did disagree.

      EXAMPLE:
        kvmpt verify Examples/higher-half-kernel.yaml

      \(ExitStatus.table)
      """,
    version: Version.current,
    subcommands: [
      VerifyCommand.self, BootCommand.self, DoctorCommand.self, ConformCommand.self,
      MergeCommand.self,
      CheckCommand.self,
      SchemaCommand.self,
      DumpCommand.self, WalkCommand.self, ExplainCommand.self, AuditCommand.self,
      DiffCommand.self, AliasesCommand.self, StatsCommand.self, ConvertCommand.self,
    ]
  )
}
