// check: whether the files of results are in order.

import ArgumentParser
import Foundation

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Fails when more than 2 % survive of the mutants that are judged.",
    discussion: """
      A line about a function that changed since says nothing any more: it is counted, and does not \
      count among the mutants. The next run judges its function again.
      """)

  @OptionGroup var options: WorkspaceOptions

  @Option(help: "How many mutants are judged at least, in functions that did not change since.")
  var floor = 600

  func run() throws {
    let workspace = try Workspace(options)
    print(MutantCounts.table(workspace))
    var problems: [String] = []
    for table in [workspace.results, workspace.equivalents] {
      for identity in workspace.stale(in: table) {
        print("out of date in \(table.url.lastPathComponent): \(identity)")
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
