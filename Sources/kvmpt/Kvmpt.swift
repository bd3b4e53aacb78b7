// Kvmpt: the command line's root command.

import ArgumentParser

@main
struct Kvmpt: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "kvmpt")
}
