// table: how many mutants of each module ended how.

import ArgumentParser

struct TableCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "table", abstract: "Counts the outcomes for each module.")

  @OptionGroup var options: WorkspaceOptions

  func run() throws {
    print(MutantCounts.table(try Workspace(options)))
  }
}

/// The outcomes of some mutants.
struct MutantCounts {
  var caught = 0
  var equivalent = 0
  var survived = 0
  var notReached = 0
  var notCompilable = 0

  /// Those that compile.
  var made: Int { caught + equivalent + survived + notReached }
  var surviving: Int { survived + notReached }

  mutating func add(_ judgement: Judgement) {
    switch judgement {
    case .caught: caught += 1
    case .equivalent: equivalent += 1
    case .survived, .survivedSoFar: survived += 1
    case .notReached: notReached += 1
    case .notCompilable: notCompilable += 1
    }
  }

  static func of(_ mutants: [Mutant], _ workspace: Workspace) -> MutantCounts {
    var counts = MutantCounts()
    for mutant in mutants { workspace.judgement(of: mutant).map { counts.add($0) } }
    return counts
  }

  static func table(_ workspace: Workspace) -> String {
    var rows = [
      ["module", "made", "caught", "equivalent", "survived", "not reached", "not compilable"]
    ]
    for module in SourceFile.modules {
      rows.append(of(workspace.mutants.filter { $0.module == module }, workspace).row(module))
    }
    rows.append(of(workspace.mutants, workspace).row("all"))
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      zip(row, widths).enumerated().map { column, cell in
        let space = String(repeating: " ", count: cell.1 - cell.0.count)
        return column == 0 ? cell.0 + space : space + cell.0
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }

  private func row(_ name: String) -> [String] {
    [name] + [made, caught, equivalent, survived, notReached, notCompilable].map(String.init)
  }
}
