// Changes that would let an access through and harm another mapping: none of them is a cure.

import MMU
import Testing

@Suite("A change that harms another mapping is no cure")
struct CureHarmTests {
  private func question(
    _ path: TablePath, _ kind: AccessKind = .read, _ privilege: PrivilegeLevel = .user
  ) -> AccessQuestion {
    AccessQuestion(
      path.linearAddress, Access(kind), mode: CPUMode(privilege: privilege),
      tables: PageTables(cr3: TablePath.cr3, configuration: path.configuration))
  }

  private func mapped(_ edit: (inout TablePath) -> Void = { _ in }) throws -> TablePath {
    var path = TablePath(try PagingConfiguration())
    path.map()
    edit(&path)
    return path
  }

  private func beside(_ path: TablePath, _ level: Level) -> UInt64 {
    path.entryAddress(level) ^ 8
  }

  @Test("A right in a page table that another entry links as well is not given")
  func sharedTable() throws {
    let alone = try mapped { $0[.pageTable] &= ~2 }
    #expect(
      question(alone, .write).diagnosis(in: alone.memory).cures.map(\.sentence)
        == ["set bit 1 (R/W) in the PTE at 0x4c48 (level 1, index 393)"])
    let shared = try mapped {
      $0[.pageTable] &= ~2
      $0.memory[beside($0, .pageDirectory)] = $0[.pageDirectory]
    }
    let diagnosis = question(shared, .write).diagnosis(in: shared.memory)
    #expect(diagnosis.cures == [])
    #expect(diagnosis.looks == [.everyCureHarms])
  }

  @Test("A right above is given where the pages below give it themselves, and they are counted")
  func openedPages() throws {
    let path = try mapped {
      $0[.pageDirectory] &= ~4
      $0.memory[beside($0, .pageTable)] = 0x4_8000_1007
      $0.memory[beside($0, .pageTable) ^ 16] = 0x4_8000_2003
    }
    let cure = try #require(question(path).diagnosis(in: path.memory).cures.first)
    #expect(cure.openedPageCount == 1)
    #expect(cure.changes.map(\.step.level) == [.pageDirectory])
  }

  @Test("U/S is not set above a page that holds a table")
  func userTables() throws {
    let path = try mapped {
      $0[.pageDirectory] &= ~4
      $0.memory[beside($0, .pageTable)] = 0x4007
    }
    #expect(question(path).diagnosis(in: path.memory).cures == [])
  }

  @Test("A link is not cleared while other pages go through it")
  func lostPages() throws {
    var path = try mapped()
    let step = try #require(path.walk.step(at: .pageDirectory))
    func cure() -> Cure? {
      let question = question(path)
      return question.cureThatFaults(
        changing: [EntryChange(step, to: step.entry.rawValue & ~1)], in: path.memory,
        TableUses(of: question.tables, in: path.memory))
    }
    #expect(cure()?.sentence == "clear bit 0 (P) in the PDE at 0x3598 (level 2, index 179)")
    path.memory[beside(path, .pageTable)] = 0x4_8000_1007
    #expect(cure() == nil)
  }

  @Test("A cure leaves memory as it is, and has a condition until somebody says what was meant")
  func untouched() throws {
    let path = try mapped { $0[.pageTable] &= ~2 }
    let diagnosis = question(path, .write).diagnosis(in: path.memory)
    #expect(path[.pageTable] & 2 == 0)
    #expect(diagnosis.cures.first?.condition == "if physical 0x480000000 was meant")
    let question = question(path, .write)
    let step = try #require(path.walk.step(at: .pageTable))
    func cure(arrivingAt physical: UInt64) -> Cure? {
      question.cure(
        changing: [EntryChange(step, to: step.entry.rawValue | 2)],
        arrivingAt: GuestPhysicalAddress(truncating: physical), in: path.memory,
        TableUses(of: question.tables, in: path.memory))
    }
    let wanted = try #require(diagnosis.cures.first?.physicalAddress?.rawValue)
    let confirmed = try #require(cure(arrivingAt: wanted))
    #expect(confirmed.isPageConfirmed && confirmed.condition == nil)
    #expect(cure(arrivingAt: wanted ^ 0x1000) == nil)
  }
}
