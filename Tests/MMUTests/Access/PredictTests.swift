// PredictTests: the rules of access rights, one plain case each.

import MMU
import Testing

@Suite("An access succeeds or faults as the manual says")
struct PredictTests {
  private func predict(
    _ access: Access, _ mode: CPUMode, leaf: UInt64 = 0b111, page: Level = .pageTable
  ) throws -> AccessPrediction {
    var path = TablePath(try PagingConfiguration())
    path.map(leaf: page)
    path[page] = path[page] & ~0b111 | leaf
    return path.walk.predict(access, mode: mode, configuration: path.configuration)
  }

  @Test("A write to a user page marks every entry accessed and the leaf dirty")
  func write() throws {
    let prediction = try predict(Access(.write), CPUMode(privilege: .user))
    #expect(prediction.outcome == .success(GuestPhysicalAddress(truncating: 0x4_8000_0abc)))
    #expect(prediction.mustSetAccessed == LevelSet(from: .pageTable, through: .pageMapLevel4))
    #expect(prediction.maySetAccessed == [])
    #expect(prediction.mustSetDirty == .pageTable)
    #expect(prediction.blame == nil)
  }

  @Test("CPL 3 needs U/S, and the fault leaves the leaf alone")
  func user() throws {
    let prediction = try predict(Access(.read), CPUMode(privilege: .user), leaf: 0b011)
    #expect(prediction.outcome == .pageFault([.present, .user]))
    #expect(prediction.mustSetAccessed == [])
    #expect(prediction.maySetAccessed == LevelSet(from: .pageDirectory, through: .pageMapLevel4))
    #expect(prediction.blame?.rule == .userSupervisor(at: .pageTable))
  }

  @Test("CR0.WP decides about a supervisor write to a read-only page")
  func writeProtect() throws {
    var mode = CPUMode(privilege: .supervisor)
    #expect(
      try predict(Access(.write), mode, leaf: 0b101).outcome == .pageFault([.present, .write]))
    mode.isWriteProtectEnabled = false
    #expect(try predict(Access(.write), mode, leaf: 0b101).mustSetDirty == .pageTable)
  }

  @Test("SMEP stops a supervisor fetch, SMAP a supervisor read, of a user page")
  func smepAndSMAP() throws {
    var mode = CPUMode(privilege: .supervisor)
    mode.isSMEPEnabled = true
    mode.isSMAPEnabled = true
    #expect(
      try predict(Access(.fetch), mode).outcome == .pageFault([.present, .instructionFetch]))
    #expect(try predict(Access(.read), mode).outcome == .pageFault([.present]))
    mode.isAlignmentCheckFlagSet = true
    #expect(try predict(Access(.read), mode).mustSetDirty == nil)
    #expect(try predict(Access(.read), mode).blame == nil)
    #expect(
      try predict(Access(.read, origin: .implicitSupervisor), mode).blame?.rule
        == .smapStopsSupervisorRead)
  }
}
