// kvmpt schema: the format of address-space files, for editors and other programs.

import ArgumentParser

struct SchemaCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema",
    abstract: "Print the JSON Schema of address-space files.",
    discussion: """
      An editor that knows the schema completes keys and marks mistakes while you type.

      EXAMPLE:
        kvmpt schema --output address-space.schema.json
      """)

  @Option(name: .shortAndLong, help: "Write the schema to a file.")
  var output: String?

  var namedFiles: CommandFiles {
    CommandFiles(written: [("--output", output)])
  }

  func execute() throws(CommandFailure) -> ExitStatus {
    let destination: ReportDestination
    do throws(ReportDestinationError) {
      destination = try ReportDestination(path: output)
    } catch {
      throw CommandFailure(error)
    }
    destination.write(AddressSpaceSchema.text)
    try destination.close()
    return .agreement
  }
}
