// EffectiveRightsTests: a listing says what a prediction says.

import MMU
import Testing

@Suite("Effective rights are the accesses that succeed")
struct EffectiveRightsTests {
  @Test("For each combination of R/W, U/S, XD and keys, in every mode")
  func agreement() throws {
    let letters: [(AccessKind, EffectiveRights)] = [
      (.read, .read), (.write, .write), (.fetch, .fetch),
    ]
    var path = TablePath(try PagingConfiguration())
    path.map()
    let base = path[.pageTable]
    for bits in 0..<32 as Range<UInt64> {
      path[.pageTable] = base & ~0b111 | bits & 7 | (bits >> 3 & 1) << 63 | (bits >> 4) << 60
      let walk = path.walk
      for mode in Reference.modes.map({ CPUMode($0) }) {
        let rights = walk.effectiveRights(mode: mode, configuration: path.configuration)
        for (kind, right) in letters {
          let prediction = walk.predict(
            Access(kind), mode: mode, configuration: path.configuration)
          #expect(rights.contains(right) == (prediction.blame == nil))
        }
      }
    }
  }

  @Test("Three letters describe them")
  func description() {
    #expect(EffectiveRights(rawValue: 7).description == "rwx")
    #expect(EffectiveRights.read.union(.fetch).description == "r-x")
    #expect(EffectiveRights(rawValue: 0).description == "---")
  }
}
