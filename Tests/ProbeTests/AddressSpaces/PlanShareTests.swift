// A plan is shared out and taken in rounds: every page once, in order, and no leaf's pages apart.

import MMU
import TestSupport
import Testing

@testable import Probe

@Suite("Shares and rounds have every page of a plan once, in order")
struct PlanShareTests {
  /// Pages, leaves of several pages, and neighbours that stand as one.
  static func plan(_ random: inout SeededGenerator) -> ProbePlan {
    var pages: [ProbePage] = []
    for number in 0..<UInt64.random(in: 0...12, using: &random) {
      let address = number << 30
      switch Int.random(in: 0..<3, using: &random) {
      case 0: pages.append(ProbePage(containing: address, subject: .kind(0)))
      case 1:
        for part in 0..<UInt64(3) {
          pages.append(
            ProbePage(
              containing: address + part << 20, subject: .kind(1), pageSize: .size2MiB,
              furtherPageCount: part == 0 ? 509 : 0, continuesLeaf: part > 0))
        }
      default:
        pages.append(
          ProbePage(
            containing: address, subject: .kind(2), pageSize: .size2MiB, obstacle: nil,
            pageCount: .random(in: 1...40, using: &random)))
      }
    }
    return ProbePlan(pages: pages)
  }

  @Test("Whatever the plan, the number of workers and the size of a round", arguments: 0..<8)
  func everyPage(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<100 {
      let plan = Self.plan(&random)
      let all = plan.pages.flatMap { page in (0..<page.pageCount).map { page.single($0) } }
      #expect(plan.pageCount == UInt64(all.count))
      #expect(plan.probeCount == all.count * 6)
      let count = Int.random(in: 1...5, using: &random)
      let shares = plan.shares(count)
      #expect(shares.count == count)
      var taken: [ProbePage] = []
      for share in shares {
        var rest = share
        while !rest.isEmpty {
          let size = Int.random(in: 1...9, using: &random)
          let round = rest.takeRound(of: size)
          #expect(!round.isEmpty && round.count <= size + 2)
          // Never in the middle of a leaf whose pages go on.
          #expect(round.first?.continuesLeaf == false)
          #expect(round.allSatisfy { !$0.standsForNeighbours || $0.furtherPageCount == 0 })
          taken += round
          let left = rest.parts.flatMap { page in (0..<page.pageCount).map { page.single($0) } }
          var other = rest
          #expect(left == other.takeRound(of: .max))
        }
      }
      #expect(taken == all)
      // None has much more than another, as far as leaves allow.
      let sizes = shares.map { share in
        var all = share
        return all.takeRound(of: .max).count
      }
      #expect((sizes.max() ?? 0) <= (all.count + count - 1) / count + 2)
    }
  }

  @Test("Neighbours are joined where they are probed alike, and only there")
  func joined() {
    func page(
      _ address: UInt64, _ count: UInt64, _ subject: ProbeSubject = .kind(0),
      _ obstacle: NotRunReason? = nil
    ) -> ProbePage {
      ProbePage(
        containing: address, subject: subject, pageSize: .size2MiB, obstacle: obstacle,
        pageCount: count)
    }
    let first = page(0x1000, 2)
    #expect(first.joined(with: page(0x3000, 3)) == page(0x1000, 5))
    #expect(first.joined(with: page(0x4000, 3)) == nil)
    #expect(first.joined(with: page(0x3000, 3, .kind(1))) == nil)
    #expect(first.joined(with: page(0x3000, 3, .kind(0), .noSuchPhysicalAddress)) == nil)
    #expect(
      first.joined(with: page(0x3000, 3).asked(ProbeManners(ProbeManner(.read, at: .user)))) == nil)
    #expect(first.joined(with: ProbePage(containing: 0x3000, subject: .kind(0))) == nil)
  }
}
