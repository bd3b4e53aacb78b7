// ArchitectureRuleTests: the names and sources of the rules.

import MMU
import Testing

@Suite("Every rule has a stable name, a title and a source")
struct ArchitectureRuleTests {
  @Test("Names are kebab-case and differ")
  func names() {
    let names = ArchitectureRule.allCases.map(\.id)
    #expect(Set(names).count == names.count)
    for name in names {
      #expect(name.allSatisfy { $0 == "-" || $0.isNumber || ("a"..."z").contains($0) })
      #expect(!name.hasPrefix("-") && !name.hasSuffix("-") && !name.contains("--"))
    }
  }

  @Test("Titles differ, and every rule but the platform's cites a manual")
  func titlesAndSources() {
    let titles = ArchitectureRule.allCases.map(\.title)
    #expect(Set(titles).count == titles.count)
    for rule in ArchitectureRule.allCases {
      #expect(
        (rule.source.contains("SDM") || rule.source.contains("APM"))
          == (rule != .tableOutsideMemoryIsNotPresent))
    }
  }

  @Test("There are 82 rules")
  func count() { #expect(ArchitectureRule.allCases.count == 82) }
}
