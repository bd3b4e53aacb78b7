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

  @Test("The bits that a title names are those of the page's size")
  func sizesInTitles() {
    let offsets: [(PageSize, Int)] = [(.size4KiB, 11), (.size2MiB, 20), (.size1GiB, 29)]
    for (size, bit) in offsets {
      #expect(
        ArchitectureRule.offset(in: size).title.hasPrefix("bits \(bit) to 0 of the linear address"))
      guard size != .size4KiB else { continue }
      #expect(ArchitectureRule.lowAddressReserved(in: size).title.hasPrefix("bits \(bit) to 13 of"))
    }
  }

  @Test("There are 82 rules")
  func count() { #expect(ArchitectureRule.allCases.count == 82) }
}
