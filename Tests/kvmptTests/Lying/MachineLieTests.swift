// Every lie of a machine, told to every command.

import MMU
import TestHosts
import Testing

@testable import Probe

@Suite("No lie of a machine goes unnoticed")
struct MachineLieTests {
  /// The commands whose cells come from one run.
  static let runs: [[LieCommand]] = [
    [.file, .library], [.image], [.expected], [.conform], [.sequences], [.doctor], [.calibration],
  ]

  @Test("or is named as one that a command cannot see, with the reason")
  func matrix() async throws {
    let cells = try await withThrowingTaskGroup(of: [LieTableCell].self) { group in
      for commands in Self.runs {
        group.addTask {
          var matrix = LieMatrix(commands[0])
          var cells: [LieTableCell] = []
          for lie in MachineLie.allCases { cells += try matrix.cells(lie, for: commands) }
          return cells
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    let table = LieTable(
      rows: MachineLie.allCases.map(\.id), columns: LieCommand.allCases.map(\.rawValue),
      cells: cells)
    print(table.text)
    for cell in cells where !cell.problems.isEmpty {
      Issue.record("\(cell.row), \(cell.column): \(cell.problems.joined(separator: "; "))")
    }
    #expect(table.missing == [])
    #expect(Set(MachineLie.allCases.map(\.id)).count == MachineLie.allCases.count)
    #expect(MachineLie.allCases.count >= 70 && cells.count >= 8 * 70)
    // The list of what cannot be seen may not grow in silence.
    let unseen = cells.filter { if case .unseen = $0.notice { true } else { false } }
    #expect(unseen.count <= 11, "\(unseen.map { "\($0.row), \($0.column)" })")
    let noticed = cells.count { if case .noticed = $0.notice { true } else { false } }
    #expect(noticed >= 500)
  }

  /// The commands and lies that need nothing but what every machine has.
  static let ordinary = MachineLie.allCases.filter { lie in
    guard !lie.isAboutCalibration, lie.level != .pageMapLevel5 else { return false }
    if case .dirtyMissing(.pageDirectoryPointerTable) = lie { return false }
    return true
  }

  @Test(
    "Over a real machine they are noticed under the same names",
    .enabled(if: Host.hasKVM, "needs /dev/kvm"))
  func realMachine() throws {
    let factory = try KVMMachineFactory()
    var matrix = LieMatrix(.file, on: factory)
    let cells = try Self.ordinary.flatMap { try matrix.cells($0, for: [.file, .library]) }
    for cell in cells where !cell.problems.isEmpty {
      Issue.record("\(cell.row), \(cell.column): \(cell.problems.joined(separator: "; "))")
    }
    #expect(cells.count >= 2 * 55)
  }
}
