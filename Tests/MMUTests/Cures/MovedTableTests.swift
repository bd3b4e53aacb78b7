// Links that lead elsewhere than they should: what is said of them, and when nothing is.

import MMU
import Testing

@Suite("A link that was moved is told by what else the tables hold")
struct MovedTableTests {
  private func diagnosis(_ edit: (inout TablePath) -> Void) throws -> Diagnosis {
    var path = TablePath(try PagingConfiguration())
    path.map()
    edit(&path)
    let question = AccessQuestion(
      path.linearAddress, Access(.read), mode: CPUMode(privilege: .user),
      tables: PageTables(cr3: TablePath.cr3, configuration: path.configuration))
    return question.diagnosis(in: path.memory)
  }

  @Test("A bit of an address is cured where the link carries nothing else, or what another does")
  func movedLink() throws {
    let lost: UInt64 = 1 << 30
    for own in [9, 11, 52, 58, 62] as [UInt64] {
      let carried: UInt64 = 1 << own
      let plain = try diagnosis { $0[.pageDirectory] |= lost }
      #expect(plain.cures.map(\.changes.count) == [1], "bit \(own)")
      let alone = try diagnosis { $0[.pageDirectory] |= lost | carried }
      #expect(alone.cures.isEmpty, "bit \(own)")
      let alike = try diagnosis {
        $0[.pageDirectory] |= lost | carried
        $0.memory[$0.entryAddress(.pageDirectory) ^ 8] = 0x5007 | carried
      }
      #expect(alike.cures.map(\.changes.count) == [1], "bit \(own)")
    }
  }

  @Test(
    "A table at another index is found by where its first page would be, whichever entry has it",
    arguments: [0, 1, 3, 511] as [UInt64], [0, 2, 511] as [UInt64])
  func otherIndex(_ first: UInt64, _ other: UInt64) throws {
    let diagnosis = try diagnosis { path in
      path[.pageDirectory] = 0
      let entry = path.entryAddress(.pageDirectory)
      path[.pageTable] = 0
      // The table before, and the one that should follow it, far away.
      path.memory[entry - 8] = 0x4007
      path.memory[path.tableAddress(.pageDirectory) + 50 * 8] = 0x5007
      path.memory[0x4000 + first * 8] = 0x4000_0007 + first << 12
      path.memory[0x5000 + other * 8] = 0x4020_0007 + other << 12
    }
    #expect(
      diagnosis.looks.contains { look in
        if case .linkedAtOtherIndex(_, index: 50) = look { true } else { false }
      }, "\(diagnosis.looks), \(diagnosis.cures)")
  }
}
