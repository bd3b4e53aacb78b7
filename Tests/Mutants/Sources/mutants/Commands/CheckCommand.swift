// check: whether the files of results are in order.

import ArgumentParser
import Foundation

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Fails when more than 2 % survive, or lines are about functions that changed.")

  @OptionGroup var options: WorkspaceOptions

  @Option(help: "How many mutants there are at least.")
  var floor = 600

  func run() throws {
    let workspace = try Workspace(options)
    print(MutantCounts.table(workspace))
    var problems: [String] = []
    for table in [workspace.results, workspace.equivalents] {
      for identity in workspace.stale(in: table) {
        problems.append("\(table.url.lastPathComponent) is out of date: \(identity)")
      }
    }
    let all = MutantCounts.of(workspace.mutants, workspace)
    if all.made < floor { problems.append("there are \(all.made) mutants, not \(floor)") }
    if all.surviving * 50 > all.made {
      problems.append("\(all.surviving) of \(all.made) survive, more than 2 %")
    }
    for problem in problems { print("error: \(problem)") }
    if !problems.isEmpty { throw ExitCode.failure }
  }
}
