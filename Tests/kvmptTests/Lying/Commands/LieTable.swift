// LieTable: the matrix as text, and what can be counted in it.

/// The cells of a matrix, by lie and by command.
struct LieTable {
  private let rows: [String]
  private let columns: [String]
  /// By row and column.
  private let cells: [String: [String: LieTableCell]]

  init(rows: [String], columns: [String], cells: [LieTableCell]) {
    self.rows = rows
    self.columns = columns
    self.cells = Dictionary(grouping: cells, by: \.row).mapValues { row in
      Dictionary(row.map { ($0.column, $0) }) { first, _ in first }
    }
  }

  /// The rows and columns without a cell.
  var missing: [String] {
    rows.flatMap { row in
      columns.filter { cells[row]?[$0] == nil }.map { "\(row), \($0)" }
    }
  }

  /// Names of what is noticed, a word for what cannot be, and the exit code where it is not 0; then
  /// the reasons.
  var text: String {
    let all = rows.flatMap { row in columns.compactMap { cells[row]?[$0] } }
    let seen = all.count { if case .noticed = $0.notice { true } else { false } }
    let reasons = all.compactMap { cell in
      cell.notice.reason.map { "  \(cell.row), \(cell.column): \(cell.notice.cell): \($0)" }
    }
    let untold = all.count { if case .untold = $0.notice { true } else { false } }
    let lines =
      [["lie"] + columns]
      + rows.map { row in
        [row] + columns.map { cells[row]?[$0]?.notice.cell ?? "?" }
      }
    let widths = (0...columns.count).map { column in lines.map { $0[column].count }.max() ?? 0 }
    let table = lines.map { line in
      zip(line, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
        .joined(separator: " | ")
    }
    return
      (table + [
        "\(rows.count) lies, \(all.count) cells: \(seen) noticed,"
          + " \(all.count - seen - untold) not seen, \(untold) without such a probe"
      ] + reasons).joined(separator: "\n")
  }
}

/// One cell.
struct LieTableCell: Sendable {
  let row: String
  let column: String
  let notice: LieNotice
  /// What is not as it must be; empty where all is.
  let problems: [String]
}
