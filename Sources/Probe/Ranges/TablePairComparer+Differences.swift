// What a comparison of tables says about places that differ.

import GuestMem
import MMU

extension TablePairComparer {
  /// The difference where nothing is on one side and the other one maps every address in one way,
  /// but for where they lead; nil elsewhere.
  func onlySide(
    _ left: TableMeaning, _ right: TableMeaning, _ first: UInt64, _ last: UInt64
  ) -> RangeDifference? {
    guard left == .nothing || right == .nothing,
      case .table(let number) = left == .nothing ? right : left
    else { return nil }
    let summary = book.summary(number)
    guard summary.byteCount == last &- first &+ 1, summary.spread.varying.isEmpty else {
      return nil
    }
    let page = statement(.table(number))?.page
    let asked = page.map { AskedRange(first: first, last: last, content: .mapped($0)) }
    return RangeDifference(
      left == .nothing ? .notAsked : .notMapped, first: first, last: last,
      asked: left == .nothing ? nil : asked, found: left == .nothing ? page : nil,
      leafCount: summary.leafCount)
  }

  /// A difference in every address of pages that follow each other.
  mutating func addPages(
    _ old: TablePlace, _ new: TablePlace, _ first: UInt64, _ last: UInt64
  ) -> Findings {
    func parts(_ place: TablePlace) -> (facts: PageFacts, physical: UInt64)? {
      if case .pages(let facts, let physical) = place { (facts, physical) } else { nil }
    }
    func statement(_ pages: (facts: PageFacts, physical: UInt64)) -> PageStatement {
      var page = PageStatement(FactSpread(pages.facts), physicalAddress: pages.physical)
      page.remove(ignored)
      return page
    }
    let (before, after) = (parts(old), parts(new))
    var properties: RangeProperties = []
    if let before, let after {
      properties = before.facts.symmetricDifference(after.facts).properties
      if before.physical != after.physical {
        properties.formUnion(RangeProperties(.physicalAddress))
      }
    }
    let kind: RangeDifferenceKind =
      before == nil ? .notAsked : after == nil ? .notMapped : .different
    add(
      RangeDifference(
        kind, first: first, last: last,
        asked: before.map {
          AskedRange(first: first, last: last, content: .mapped(statement($0)))
        }, found: after.map(statement), properties: properties,
        leafCount: (after ?? before)?.facts.leafCount(in: last &- first &+ 1) ?? 0))
    return Findings(properties: properties, kinds: [kind])
  }

  /// A difference in tables that were looked into elsewhere, or are too many to be.
  mutating func addAgain(
    _ pair: Pair, _ findings: Findings, _ first: UInt64, _ last: UInt64
  ) {
    let (before, after) = (statement(pair.left), statement(pair.right))
    let kinds = findings.kinds
    let kind = kinds.count == 1 ? kinds.first ?? .different : .different
    add(
      RangeDifference(
        kind, first: first, last: last,
        asked: before.map { AskedRange(first: first, last: last, content: .mapped($0.page)) },
        found: after?.page, properties: findings.properties, isEveryPage: false,
        leafCount: (after ?? before)?.leafCount ?? 0))
  }

  /// What all pages have in common that are mapped; nil where none is.
  func statement(_ meaning: TableMeaning) -> (page: PageStatement, leafCount: UInt64)? {
    var page: PageStatement
    let count: UInt64
    switch meaning {
    case .nothing: return nil
    case .pages(let facts, let physical):
      page = PageStatement(FactSpread(facts), physicalAddress: physical)
      count = 1
    case .table(let number):
      let summary = book.summary(number)
      page = PageStatement(summary.spread, physicalAddress: nil)
      count = summary.leafCount
    }
    page.remove(ignored)
    return (page, count)
  }
}
