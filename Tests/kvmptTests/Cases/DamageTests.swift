// Random damages of random tables: the first cause is the true one, and every cure cures.

import GuestMem
import Inspection
import MMU
import TestSupport
import Testing

@testable import kvmpt

@Suite("A damage of tables is found where it was made, and its cures restore the access alone")
struct DamageTests {
  /// How many damages are made.
  static let count =
    TestSetting.number("KVMPT_DAMAGES").map { Int($0) } ?? TestSetting.depth(1000, full: 10_000)

  /// What came of the damages of one kind.
  private struct Tally {
    var made = 0
    var unseen = 0
    var wrongPage = 0
    var alike = 0
    var told = 0
    var mistaken = 0
    var cured = 0
    var met = 0
    var unmet = 0
  }

  @Test("The first cause is the true one of those that can be told apart; no cure does harm")
  func damages() throws {
    let seed = TestSetting.seed ?? UInt64.random(in: 0...UInt64.max)
    print("damages: repeat with KVMPT_SEED=\(seed) swift test --filter DamageTests")
    var random = SeededGenerator(seed: seed)
    let linux = try MemoryImage(path: LinuxCaseTests.core)
    let real = try DamageableTables(
      of: linux, cr3: try #require(linux.processors.first).cr3)
    var tallies: [Damage: Tally] = [:]
    var mistakes: [String] = []
    var made = 0
    while made < Self.count {
      // Every eighth round is about the tables of a Linux kernel.
      let original = made % 700 < 88 ? real : try DamageableTables(&random)
      for _ in 0..<8 {
        for damage in Damage.allCases {
          guard let address = original.pages.randomElement(using: &random) else { continue }
          var question = AccessQuestion(
            address | UInt64.random(in: 0..<4096, using: &random), Access(.read),
            mode: CPUMode(privilege: .supervisor), tables: original.tables)
          let uses = Self.uses(&question, original.memory, &random)
          guard let use = uses.randomElement(using: &random) else { continue }
          question.access = Access(use.kind)
          question.mode.privilege = use.privilege
          var changed = original
          guard
            let place = damage.apply(
              to: &changed, on: question.walk(in: original.memory), &random)
          else { continue }
          made += 1
          let mistake = try Self.judge(
            question, original, changed, place, &tallies[damage, default: Tally()])
          if let mistake { mistakes.append("\(damage.rawValue): \(mistake)") }
        }
      }
    }
    let lines = Damage.allCases.compactMap { damage in
      tallies[damage].map { tally in
        "\(damage.rawValue): \(tally.made) made, \(tally.unseen) change nothing, "
          + "\(tally.wrongPage) reach another page, \(tally.alike) cannot be told apart, "
          + "\(tally.told) true, \(tally.mistaken) mistaken, \(tally.cured) cures hold, "
          + "\(tally.met) of them by a condition that is met; \(tally.unmet) have one that is not"
      }
    }
    print(lines.joined(separator: "\n"))
    let told = tallies.values.reduce(0) { $0 + $1.told }
    let mistaken = tallies.values.reduce(0) { $0 + $1.mistaken }
    let cured = tallies.values.reduce(0) { $0 + $1.cured }
    print("damages: \(told) true, \(mistaken) mistaken, \(cured) cures, seed \(seed)")
    #expect(told * 100 >= (told + mistaken) * 95, "\(mistakes.prefix(20)), seed \(seed)")
    #expect(told > Self.count / 4 && cured > Self.count / 50, "seed \(seed)")
  }

  /// The uses of the page that succeed, in a random mode.
  private static func uses(
    _ question: inout AccessQuestion, _ memory: FrameMemory, _ random: inout SeededGenerator
  ) -> [(kind: AccessKind, privilege: PrivilegeLevel)] {
    question.mode.isSMEPEnabled = Bool.random(using: &random)
    question.mode.isSMAPEnabled = Bool.random(using: &random)
    question.mode.isPKEEnabled = Bool.random(using: &random)
    question.mode.pkru = UInt32.random(in: 0...UInt32.max, using: &random) & ~3
    return PrivilegeLevel.allCases.flatMap { privilege in
      AccessKind.allCases.compactMap { kind in
        question.access = Access(kind)
        question.mode.privilege = privilege
        guard case .success = question.outcome(in: memory) else { return nil }
        return (kind, privilege)
      }
    }
  }

  /// Holds the diagnosis against the truth; what was mistaken, or nil.
  private static func judge(
    _ question: AccessQuestion, _ original: DamageableTables, _ changed: DamageableTables,
    _ place: (word: UInt64?, frame: UInt64?), _ tally: inout Tally
  ) throws -> String? {
    tally.made += 1
    let wanted = question.outcome(in: original.memory)
    let outcome = question.outcome(in: changed.memory)
    if case .success = outcome {
      if outcome == wanted { tally.unseen += 1 } else { tally.wrongPage += 1 }
      return nil
    }
    let diagnosis = question.diagnosis(in: changed.memory)
    for cure in diagnosis.cures {
      // The condition of a cure that has one: the page was meant.
      if !cure.isPageConfirmed && cure.physicalAddress.map({ .success($0) }) != wanted {
        tally.unmet += 1
        continue
      }
      try check(cure, question, wanted, original, changed)
      tally.cured += 1
      if !cure.isPageConfirmed { tally.met += 1 }
    }
    if case .pageFault(let code) = outcome {
      #expect(
        ReportedFault(code, for: question, assumed: [], in: changed.memory) == .fits)
    }
    let step = diagnosis.suspicion?.step ?? diagnosis.explanation.blame?.step
    let entry = step?.entryAddress.rawValue
    let frames = [
      entry.map { $0 & ~0xfff },
      diagnosis.suspicion.map { $0.step.entry.tableAddress.rawValue },
    ]
    let isTrue =
      place.word.map { $0 == entry } ?? false || place.frame.map { frames.contains($0) } ?? false
    if isTrue {
      tally.told += 1
      return nil
    }
    if looksSound(below: place, question, changed.memory) {
      tally.alike += 1
      return nil
    }
    tally.mistaken += 1
    return diagnosis.suspicion?.sentence ?? diagnosis.explanation.blame?.sentence ?? "nothing"
  }

  /// The tables below the damage are tables as good as any: then the entry where the walk ends may as
  /// well be the one that was damaged.
  private static func looksSound(
    below place: (word: UInt64?, frame: UInt64?), _ question: AccessQuestion, _ memory: FrameMemory
  ) -> Bool {
    guard let word = place.word,
      let step = question.walk(in: memory).steps.first(where: { $0.entryAddress.rawValue == word }),
      let lower = step.level.lower, !step.entry.isLeaf
    else { return false }
    let configuration = question.tables.configuration
    for index in 0..<512 as Range<UInt64> {
      let address = GuestPhysicalAddress(
        truncating: step.entry.tableAddress.rawValue + index * 8)
      guard let word = memory.loadWord(at: address), word & 1 != 0 else { continue }
      let entry = PageTableEntry(word, at: lower)
      if entry.reservedBits(in: configuration) != 0 { return false }
      if !entry.isLeaf && memory.loadWord(at: entry.tableAddress) == nil { return false }
    }
    return true
  }

  /// The access arrives where it did, and every other page is as it was before or after the damage.
  private static func check(
    _ cure: Cure, _ question: AccessQuestion, _ wanted: AccessOutcome, _ original: DamageableTables,
    _ changed: DamageableTables
  ) throws {
    var cured = changed
    for change in cure.changes {
      #expect(cured.memory[change.step.entryAddress.rawValue] == change.step.entry.rawValue)
      cured.memory[change.step.entryAddress.rawValue] = change.newValue
    }
    let applied = cure.applied(to: question)
    #expect(applied.outcome(in: cured.memory) == wanted, "\(cure.sentence)")
    #expect(cure.physicalAddress.map { .success($0) } == wanted, "\(cure.sentence)")
    let configuration = question.tables.configuration
    // A change of a leaf is one of its whole page.
    let leaf = question.walk(in: cured.memory).translation?.pageSize ?? .size4KiB
    for page in original.pages.prefix(300)
    where page & ~(leaf.byteCount - 1) != question.address & ~(leaf.byteCount - 1) {
      func meaning(_ memory: FrameMemory) -> [UInt64]? {
        let walk = Walk(
          page, cr3: question.tables.rootAddress.rawValue, configuration: configuration, in: memory)
        guard let found = walk.translation else { return nil }
        let rights: [Bool] = [found.isWritable, found.isUser, found.isNoExecute]
        return [
          found.physicalAddress.rawValue, UInt64(found.patIndex), UInt64(found.protectionKey),
        ] + rights.map { $0 ? 1 : 0 }
      }
      let after = meaning(cured.memory)
      #expect(
        after == meaning(original.memory) || after == meaning(changed.memory),
        "\(cure.sentence) changes \(page)")
    }
  }
}
