// RandomTableTests: tables full of noise, walked from any CR3 for any address.

import MMU
import TestSupport
import Testing

@Suite("The model agrees with a second opinion on random tables")
struct RandomTableTests {
  /// `KVMPT_SEED` in the environment, or a new number every time.
  private static var seed: UInt64 { TestSetting.seed ?? UInt64.random(in: 0...UInt64.max) }

  @Test("Random words at every level, many of them present and pointing at each other")
  func randomTables() throws {
    let seed = Self.seed
    print("seed \(seed): KVMPT_SEED=\(seed) swift test --filter RandomTableTests")
    var random = SeededGenerator(seed: seed)
    var comparison = Comparison(modes: Array(Reference.modes.shuffled(using: &random).prefix(8)))
    var pageCount = 0
    for _ in 0..<300 {
      let machine = Reference.Machine(
        levels: Bool.random(using: &random) ? 5 : 4,
        maxphyaddr: Int.random(in: 32...52, using: &random),
        nxe: Bool.random(using: &random), gigabytePages: Bool.random(using: &random),
        amd: Bool.random(using: &random))
      let reference = ReferenceModel(machine)
      let configuration = try PagingConfiguration(machine)
      var memory = TableMemory(pageCount: 4)
      for index in memory.words.indices {
        memory.words[index] = Self.word(&random)
      }
      for _ in 0..<40 {
        let address = configuration.linearAddressWidth.signExtended(random.next())
        comparison.compare(
          reference, configuration, memory: memory, linear: address,
          label: "seed \(seed), address \(address)")
        let walk = Walk(
          address, cr3: TablePath.cr3, configuration: configuration, in: memory)
        if walk.translation != nil { pageCount += 1 }
      }
    }
    #expect(comparison.differences == [])
    #expect(pageCount > 100, "too few walks reach a page to tell anything")
    print("random tables: \(comparison.caseCount) cases, \(pageCount) walks reach a page")
  }

  /// A word that is usually present, points into the tables, and has some other bits set.
  private static func word(_ random: inout SeededGenerator) -> UInt64 {
    let noise = random.next()
    var word = noise & 0xf67 | noise >> 20 & 3 << 12
    if noise >> 60 != 0 { word |= 1 }
    if noise >> 56 & 15 == 0 { word ^= random.next() & random.next() & random.next() }
    if noise >> 52 & 3 == 0 { word ^= random.next() & 0xf800_0000_0000_0080 }
    return word
  }
}
