// What is kept for another machine has a limit, and what is beyond it is counted.

import MMU
import Testing

@testable import Probe

@Suite("What is kept for another machine has a limit, and the rest is counted")
struct KeptAnswersTests {
  /// The answer at an address, other than the manual's unless it is 5.
  static func verdict(_ address: UInt64, _ code: UInt32) -> ProbeVerdict {
    ProbeVerdict(
      page: ProbePage(containing: address, subject: .mapping(0)),
      manner: ProbeManner(.read, at: .user), address: address, asked: .forbidden,
      modelled: .pageFault([.present, .user]),
      executed: .pageFault(errorCode: code, cr2: address), deviations: [],
      rootLevel: .pageMapLevel4
    ) {
      fatalError("there is no rule")
    }
  }

  @Test("Of answers unlike the manual's, what was not kept makes no difference and is counted")
  func answers() {
    var (first, second) = (OtherAnswers(limit: 2), OtherAnswers())
    for address in [UInt64(0x1000), 0x2000, 0x3000] {
      first.add(Self.verdict(address, 4))
      second.add(Self.verdict(address, address == 0x1000 ? 1 : 4))
    }
    #expect(first.answers.count == 2 && first.droppedCount == 1)
    #expect(first.differences(from: second).map(\.address) == [0x1000])
    #expect(second.differences(from: first).map(\.address) == [0x1000])
    // The one that was dropped, on each side.
    #expect(first.uncomparedCount(with: second) == 2)
    #expect(second.uncomparedCount(with: first) == 2)
    #expect(second.uncomparedCount(with: second) == 0)
    var merged = OtherAnswers(limit: 2)
    merged.merge(second)
    merged.merge(first)
    #expect(merged.answers.count == 2 && (2...3).contains(merged.droppedCount))
  }

  @Test("Neighbours that are asked about alike are kept as one")
  func openPages() {
    var open = OpenProbes()
    let stretch = ProbePage(
      containing: 0x1000, subject: .kind(0), pageSize: .size1GiB, obstacle: nil, pageCount: 500)
    for position in 0..<UInt64(500) { open.append(stretch.single(position)) }
    #expect(open.pages == [stretch] && open.hasRoom)
    open.append(ProbePage(containing: 0x1000, subject: .kind(0)))
    #expect(open.pages.count == 2)
  }
}
