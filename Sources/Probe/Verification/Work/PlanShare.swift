// PlanShare: a part of a plan's pages, taken in rounds that a machine can hold.

/// The pages of a plan from one position to another.
struct PlanShare: Sendable {
  /// A page of a plan: an index, and a position among the neighbours that stand there.
  fileprivate struct Position: Sendable {
    var index: Int
    var neighbour: UInt64 = 0
  }

  private let pages: [ProbePage]
  private var next: Position
  private let end: Position

  fileprivate init(_ pages: [ProbePage], from first: Position, to end: Position) {
    self.pages = pages
    next = first
    self.end = end
  }

  /// All pages of a plan.
  init(_ plan: ProbePlan) {
    self.init(plan.pages, from: Position(index: 0), to: Position(index: plan.pages.count))
  }

  /// True when every page was taken.
  var isEmpty: Bool {
    (next.index, next.neighbour) >= (end.index, end.neighbour)
  }

  /// Takes the next `count` pages, each by itself, and those beyond that go on with a leaf.
  mutating func takeRound(of count: Int) -> [ProbePage] {
    var round: [ProbePage] = []
    while !isEmpty {
      let page = pages[next.index]
      if round.count >= count, !page.continuesLeaf { break }
      round.append(page.single(next.neighbour))
      next.neighbour += 1
      if next.neighbour >= page.pageCount { next = Position(index: next.index + 1) }
    }
    return round
  }

  /// The pages that were not taken, as they stand in the plan.
  var parts: some Sequence<ProbePage> { sequence(state: self) { $0.takePart() } }

  /// Takes what is left of the next entry of the plan.
  private mutating func takePart() -> ProbePage? {
    guard !isEmpty else { return nil }
    let page = pages[next.index]
    let first = next.neighbour
    let last = next.index == end.index ? end.neighbour : page.pageCount
    next = Position(index: next.index + 1)
    return first == 0 && last == page.pageCount ? page : page.part(from: first, count: last - first)
  }
}

extension ProbePlan {
  /// Shares the pages out, in order and about equally; no leaf whose pages go on is in two shares.
  func shares(_ count: Int) -> [PlanShare] {
    let size = (pageCount + UInt64(count) - 1) / UInt64(count)
    var shares: [PlanShare] = []
    var first = PlanShare.Position(index: 0)
    // The pages before the index.
    var before: UInt64 = 0
    var index = 0
    for number in 1...count {
      let wanted = UInt64(number) * size
      while index < pages.count, before + pages[index].pageCount <= wanted {
        before += pages[index].pageCount
        index += 1
      }
      while index < pages.count, pages[index].continuesLeaf {
        before += pages[index].pageCount
        index += 1
      }
      var end = PlanShare.Position(index: index)
      if index < pages.count, wanted > before { end.neighbour = wanted - before }
      if number == count { end = PlanShare.Position(index: pages.count) }
      shares.append(PlanShare(pages, from: first, to: end))
      first = end
    }
    return shares
  }
}
