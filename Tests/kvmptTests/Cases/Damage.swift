// Damage: ways to damage one word or one table.

import MMU
import TestSupport

/// What is done to tables.
enum Damage: String, CaseIterable {
  case bitFlipped, wordCleared, wordOverwritten, wordMoved, wordShifted
  case linkToZero, linkToData, linkToTable, tableOverwritten, tableShifted, tableMoved

  /// Damages what lies on the way of `walk`; the address of the word, or of the table, that is
  /// another one now, and nil when nothing could be done.
  func apply(
    to tables: inout DamageableTables, on walk: Walk, _ random: inout SeededGenerator
  ) -> (word: UInt64?, frame: UInt64?)? {
    guard let step = walk.steps.randomElement(using: &random) else { return nil }
    let place = step.entryAddress.rawValue
    let word = step.entry.rawValue
    let address = PageTableEntry.Bit.address
    func relink(_ frame: UInt64?) -> (word: UInt64?, frame: UInt64?)? {
      guard let frame, !step.entry.isLeaf, frame != word & address else { return nil }
      tables.memory[place] = word & ~address | frame
      return (place, nil)
    }
    switch self {
    case .bitFlipped: tables.memory[place] = word ^ 1 << UInt64.random(in: 0..<64, using: &random)
    case .wordCleared: tables.memory[place] = 0
    case .wordOverwritten:
      tables.memory[place] =
        Bool.random(using: &random)
        ? UInt64.random(in: 0...UInt64.max, using: &random)
        : [~0, 0xcccc_cccc_cccc_cccc, 0xa5a5_a5a5_a5a5_a5a5].randomElement(using: &random) ?? ~0
    case .wordMoved:
      let other = place & ~0xfff | UInt64.random(in: 0..<512, using: &random) * 8
      guard tables.memory[other] == 0 else { return nil }
      tables.memory[other] = word
      tables.memory[place] = 0
    case .wordShifted:
      let count = UInt64.random(in: 1...16, using: &random)
      tables.memory[place] = Bool.random(using: &random) ? word << count : word >> count
    case .linkToZero: return relink(tables.zeroFrame(&random))
    case .linkToData:
      let others = tables.memory.frames.filter {
        !tables.tableFrames.contains($0) && tables.memory[$0] != 0
      }
      return relink(others.randomElement(using: &random))
    case .linkToTable: return relink(tables.tableFrames.randomElement(using: &random))
    case .tableOverwritten:
      let fill: UInt64? = Bool.random(using: &random) ? ~0 : nil
      for index in 0..<512 as Range<UInt64> {
        tables.memory[place & ~0xfff + index * 8] =
          fill ?? UInt64.random(in: 0...UInt64.max, using: &random)
      }
      return (nil, place & ~0xfff)
    case .tableShifted:
      let table = place & ~0xfff
      for index in (1..<512 as Range<UInt64>).reversed() {
        tables.memory[table + index * 8] = tables.memory[table + index * 8 - 8]
      }
      tables.memory[table] = 0
      return (nil, table)
    case .tableMoved:
      guard step.level < walk.rootLevel, let upper = step.level.upper,
        let other = tables.zeroFrame(&random), let above = walk.step(at: upper)
      else { return nil }
      let table = place & ~0xfff
      for index in 0..<512 as Range<UInt64> {
        tables.memory[other + index * 8] = tables.memory[table + index * 8]
        tables.memory[table + index * 8] = 0
      }
      return (above.entryAddress.rawValue, table)
    }
    return tables.memory[place] == word ? nil : (place, nil)
  }
}
