// The reader of cures reads what a person would, and notices a cure that is none.

import Synchronization
import Testing

@testable import kvmpt

@Suite("Changes that are printed are made to a copy, and hold")
struct CureReplayTests {
  @Test("Each form of a change is read as a person would read it")
  func sentences() throws {
    let entry = "in the PDE at 0x3010 (level 2, index 2)"
    let set = try #require(CureSentence("set bit 2 (U/S) \(entry)"))
    #expect(set.changes.map(\.entryAddress) == [0x3010])
    #expect(set.changes.first?.deeds == [.set(4)])
    let two = try #require(
      CureSentence(
        "set bits 2:1 and clear bit 63 (XD) \(entry), in the PTE at 0x8 (level 1, index 1) and in "
          + "the PML4E at 0x10 (level 4, index 2), and set EFLAGS.AC around the access (STAC)"))
    #expect(two.changes.map(\.entryAddress) == [0x3010, 8, 0x10])
    #expect(two.changes.map(\.deeds) == Array(repeating: [.set(6), .clear(1 << 63)], count: 3))
    #expect(two.options.map(\.name) == ["--ac"])
    let moved = try #require(CureSentence("put the address 0x5000 and set bit 0 (P) \(entry)"))
    #expect(moved.changes.first?.deeds == [.putAddress(0x5000), .set(1)])
    #expect(CureSentence.applied([.putAddress(0x5000), .set(1)], to: 0x7006) == 0x5007)
    let put = try #require(CureSentence("put 0x83 \(entry)"))
    #expect(CureSentence.applied(put.changes[0].deeds, to: 0x1234) == 0x83)
    let keys = try #require(
      CureSentence("clear bits 5:4 (WD and AD) in PKRU, which holds for every page of the key"))
    #expect(keys.clearedKeyBits == ["--pkru": 0x30])
    let supervisor = try #require(
      CureSentence("clear bit 2 (AD) in IA32_PKRS, which holds for every page of the key"))
    #expect(supervisor.clearedKeyBits == ["--pkrs": 4])
    #expect(CureSentence("set bit 2 (U/S)") == nil)
    #expect(CureSentence("use another page") == nil)
  }

  @Test("A change that does not hold is noticed: another bit, and one that opens another page")
  func noticed() throws {
    let core = "\(PackageFiles.root)/Tests/kvmptTests/Fixtures/cases/06-pti-poison.core"
    let arguments = ["explain", core, "--access", "fetch", "--cpl", "0"]
    let before = CureReplay.count.load(ordering: .relaxed)
    let run = try ProgramRun(arguments)
    #expect(CureReplay.count.load(ordering: .relaxed) > before)
    let cure = "clear bit 63 (XD) in the PML4E"
    try #require(run.output.contains(cure))
    for (words, wrong) in [
      (cure, "clear bit 1 (R/W) in the PML4E"), ("and 2 other pages get", "and 3 other pages get"),
      ("reaches physical 0x4001a40", "reaches physical 0x4001a48"),
    ] {
      withKnownIssue("\(wrong)") {
        try CureReplay.replay(arguments, output: run.output.replacing(words, with: wrong))
      }
    }
  }

  @Test("What explain prints for every case that people ran into was replayed")
  func cases() throws {
    var count = 0
    for situation in ExplainCaseTests.cases where situation.words.hasPrefix("explain") {
      let arguments = ExplainCaseTests.arguments(situation)
      for format in [["--format", "json"], []] {
        count += try CureReplay.replay(
          arguments, output: ProgramRun(arguments + format, replays: false).output)
      }
    }
    #expect(count >= 14)
  }
}
