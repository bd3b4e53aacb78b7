// Every lie of a builder, told to everyone who looks at its tables.

import Testing

@Suite("No lie of a builder goes unnoticed")
struct BuilderLieTests {
  @Test("or is named as one that nobody can see there, with the reason")
  func matrix() throws {
    var cells: [LieTableCell] = []
    for builder in LyingBuilder.allCases where builder != .library {
      var isTold = false
      let control = try builder.reading(nil, &isTold)
      #expect(control.names.values.allSatisfy(\.isEmpty) && control.exitCode == 0, "\(control)")
      for lie in BuilderLie.allCases {
        isTold = false
        let reading = try builder.reading(lie, &isTold)
        cells.append(cell(lie, builder, reading, isTold))
        // The library's answer is in the same report.
        if builder == .file { cells.append(cell(lie, .library, reading, isTold)) }
      }
    }
    let table = LieTable(
      rows: BuilderLie.allCases.map(\.rawValue), columns: LyingBuilder.allCases.map(\.rawValue),
      cells: cells)
    print(table.text)
    for cell in cells where !cell.problems.isEmpty {
      Issue.record("\(cell.row), \(cell.column): \(cell.problems.joined(separator: "; "))")
    }
    #expect(table.missing == [] && cells.count >= 9 * 22)
    let noticed = cells.count { if case .noticed = $0.notice { true } else { false } }
    #expect(noticed >= 120)
    // What a proof of asked tables cannot see is these two, and what a clone has not.
    let unseen = Set(
      cells.filter { cell in
        guard case .unseen = cell.notice else { return false }
        return !cell.column.hasSuffix("contracts") && cell.column != LyingBuilder.image.rawValue
      }.map(\.row))
    #expect(unseen == ["dirty-set", "absent-bit-set", "link-read-only"])
  }

  private func cell(
    _ lie: BuilderLie, _ builder: LyingBuilder, _ reading: LieReading, _ isTold: Bool
  ) -> LieTableCell {
    let notice = lie.notice(by: builder)
    var problems: [String] = []
    var expected: [String] = []
    var exitCode: Int32 = 0
    if case .noticed(let names, let code) = notice { (expected, exitCode) = (names, code) }
    if case .untold = notice {
      if isTold { problems.append("was told") }
    } else if !isTold {
      problems.append("was not told")
    }
    for format in builder.formats {
      let found = reading.names[format] ?? []
      let isRight =
        switch format {
        // A case fails once: the first of the names is there, and no other than these.
        case .junit, .tap:
          found.isSubset(of: expected) && Set(expected.prefix(1)).isSubset(of: found)
        case .text, .json, .library: found == Set(expected)
        }
      if !isRight { problems.append("\(format) says \(found.sorted()), not \(expected.sorted())") }
    }
    if builder != .library, reading.exitCode != exitCode {
      problems.append("the exit code is \(reading.exitCode), not \(exitCode)")
    }
    return LieTableCell(
      row: lie.rawValue, column: builder.rawValue, notice: notice, problems: problems)
  }
}
