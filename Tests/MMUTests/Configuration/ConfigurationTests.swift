// ConfigurationTests: which processors there can be, and sets of levels.

import MMU
import Testing

@Suite("A paging configuration that exists is possible")
struct ConfigurationTests {
  @Test("Only a PML4 or a PML5 is a root", arguments: Level.allCases)
  func roots(level: Level) {
    if level >= .pageMapLevel4 {
      #expect(throws: Never.self) { try PagingConfiguration(rootLevel: level) }
    } else {
      #expect(throws: PagingConfigurationError.unsupportedRootLevel(level)) {
        try PagingConfiguration(rootLevel: level)
      }
    }
  }

  @Test("MAXPHYADDR is 32 to 52, and the bits above it are not implemented", arguments: 0...64)
  func widths(width: Int) throws {
    guard 32...52 ~= width else {
      #expect(throws: PagingConfigurationError.unsupportedPhysicalAddressWidth(UInt8(width))) {
        try PagingConfiguration(physicalAddressWidth: UInt8(width))
      }
      return
    }
    let configuration = try PagingConfiguration(physicalAddressWidth: UInt8(width))
    #expect(
      configuration.unimplementedAddressBits
        == (width..<52).reduce(0 as UInt64) { $0 | 1 << UInt64($1) })
  }

  @Test("A set of levels holds those it was made from")
  func levelSets() {
    for lowest in Level.allCases {
      for highest in Level.allCases {
        let range = LevelSet(from: lowest, through: highest)
        let above = LevelSet(above: lowest, upTo: highest)
        for level in Level.allCases {
          #expect(range.contains(level) == (lowest <= level && level <= highest))
          #expect(above.contains(level) == (lowest < level && level <= highest))
        }
        #expect(range.levels.sorted() == Level.allCases.filter(range.contains))
      }
    }
    #expect(LevelSet.empty == [] && LevelSet.empty.levels == [])
  }
}
