// A model without the rule of one flag sets the others, and that one nowhere.

import MMU
import Testing

@Suite("Without the rule of A or D at one place, that place alone has none")
struct MissingFlagRuleTests {
  static let accessed: [(Level, ArchitectureRule)] = [
    (.pageTable, .accessed(at: .pageTable)), (.pageDirectory, .accessed(at: .pageDirectory)),
    (.pageDirectoryPointerTable, .accessed(at: .pageDirectoryPointerTable)),
    (.pageMapLevel4, .accessed(at: .pageMapLevel4)),
    (.pageMapLevel5, .accessed(at: .pageMapLevel5)),
  ]

  @Test("Every size of page, with 4 and 5 levels, read and written")
  func flags() throws {
    var count = 0
    for levels in [Level.pageMapLevel4, .pageMapLevel5] {
      let configuration = try PagingConfiguration(rootLevel: levels)
      for size in PageSize.allCases {
        var path = TablePath(configuration)
        path.map(leaf: size.level)
        let onTheWay = Level.allCases.filter { $0 >= size.level && $0 <= levels }
        for kind in AccessKind.allCases {
          func prediction(_ rules: some RuleSelection) -> AccessPrediction {
            path.walk.predict(
              Access(kind), mode: CPUMode(privilege: .user), configuration: configuration,
              under: rules)
          }
          let whole = prediction(EveryRule())
          #expect(Set(whole.mustSetAccessed.levels) == Set(onTheWay))
          #expect(whole.mustSetDirty == (kind == .write ? size.level : nil))
          for (level, rule) in Self.accessed {
            let found = prediction(EveryRuleExcept(rule))
            #expect(
              Set(found.mustSetAccessed.levels) == Set(onTheWay).subtracting([level]),
              "\(rule) \(size) \(kind)")
            #expect(found.mustSetDirty == whole.mustSetDirty)
            count += 1
          }
        }
      }
    }
    #expect(count == 2 * 3 * 3 * 5)
  }

  @Test("A model without one rule has every other one")
  func selection() {
    for missing in ArchitectureRule.allCases {
      for rule in ArchitectureRule.allCases {
        #expect(EveryRuleExcept(missing).includes(rule) == (rule != missing))
      }
    }
  }
}
