// The program: mutants of the sources, and whether the tests catch them.

import ArgumentParser

@main
struct MutantsProgram: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mutants",
    abstract: "Makes one-edit mutants of kvmpt's sources and runs the tests against them.",
    subcommands: [
      ListCommand.self, RunCommand.self, ShareCommand.self, TableCommand.self, CheckCommand.self,
    ])
}
