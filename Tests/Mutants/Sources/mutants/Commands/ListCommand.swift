// list: the mutants, with what is known of them.

import ArgumentParser
import Foundation

struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists the mutants that are chosen, with what is known of them.")

  @OptionGroup var options: WorkspaceOptions

  @Option(help: "How many mutants are chosen; 0 lists all that can be made.")
  var count = 0

  @Option(help: "Only this module.")
  var module: String?

  @Flag(help: "Only those that survive, by their kind, with the suites that come to their place.")
  var survivors = false

  func run() throws {
    let workspace = try Workspace(options)
    var mutants = count == 0 ? workspace.mutants : workspace.chosen(count)
    if let module { mutants.removeAll { $0.module != module } }
    if survivors {
      let reach = try? JSONDecoder().decode(
        [String: [String]].self,
        from: Data(contentsOf: workspace.work.appending(path: "suites.json")))
      mutants.removeAll { workspace.judgement(of: $0)?.isSurvival != true }
      for edit in Edit.allCases {
        let own = mutants.filter { $0.identity.edit == edit }
        if own.isEmpty { continue }
        print("\n== \(edit.rawValue): \(own.count)")
        for mutant in own {
          show(mutant, workspace)
          let suites = reach?[RunCommand.key(mutant)] ?? []
          let few = suites.prefix(12).joined(separator: " ")
          print("    reached by \(suites.count) suites: \(few)\(suites.count > 12 ? " …" : "")")
        }
      }
    } else {
      for mutant in mutants { show(mutant, workspace) }
    }
  }

  private func show(_ mutant: Mutant, _ workspace: Workspace) {
    let identity = mutant.identity
    let known = workspace.judgement(of: mutant)?.text ?? "not judged"
    print(
      "\(identity.file):\(mutant.line) \(identity.function) [\(identity.edit.rawValue)] \(known)")
    print("    \(mutant.lineText)")
    print("    \(identity.before)  ->  \(identity.after.isEmpty ? "(left out)" : identity.after)")
  }
}
