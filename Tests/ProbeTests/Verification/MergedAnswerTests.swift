// What several workers found is one answer, and every outcome has a response that rules know.

import GuestMem
import MMU
import Testing

@testable import Probe

@Suite("Answers of several workers are put together whole")
struct MergedAnswerTests {
  private static func lost(_ address: UInt64) -> ProbeVerdict {
    ProbeVerdict(
      page: ProbePage(containing: address, subject: .mapping(0)),
      manner: ProbeManner(.read, at: .user), address: address, asked: .forbidden,
      modelled: .pageFault([.user]), executed: .lost(.shutdown), deviations: [],
      rootLevel: .pageMapLevel4
    ) {
      fatalError("there is no rule")
    }
  }

  @Test(
    "What is open for another machine: counts, pages in order, and as many lost guests as are kept")
  func open() {
    var first = OpenProbes()
    var second = OpenProbes()
    first.tallies.change(.mapping(1)) { $0.addCovered(3) }
    second.tallies.change(.mapping(1)) { $0.addCovered(4) }
    second.tallies.change(.mapping(2)) { $0.addCovered(5) }
    first.pages = [ProbePage(containing: 0x1000, subject: .mapping(1))]
    second.pages = [ProbePage(containing: 0x2000, subject: .mapping(2))]
    let kept = VerdictCollector.keptCount
    first.lost = (0..<kept - 1).map { Self.lost(UInt64($0) << 12) }
    second.lost = [Self.lost(0x70_0000), Self.lost(0x70_1000)]
    first.merge(second)
    #expect(first.tallies[.mapping(1)]?.coveredCount == 7)
    #expect(first.tallies[.mapping(2)]?.coveredCount == 5)
    #expect(first.pages.map(\.linearAddress) == [0x1000, 0x2000])
    #expect(first.lost.count == kept && first.lost.last?.address == 0x70_0000)
  }

  @Test("Each outcome of a probe is a response of its own, and one that was not made is none")
  func responses() {
    let page = AccessOutcome.success(GuestPhysicalAddress(truncating: 0x5008))
    let fault = AccessOutcome.pageFault([.present])
    func response(
      _ executed: ProbeOutcome, insteadOf modelled: AccessOutcome
    ) -> DeviationResponse? {
      DeviationResponse(executed, insteadOf: modelled, at: 0x40_0008)
    }
    #expect(response(.success(.page(0x5000)), insteadOf: page) == .success)
    #expect(response(.success(.page(0x6000)), insteadOf: page) == .wrongPage)
    #expect(response(.success(.page(0x6000)), insteadOf: fault) == .success)
    #expect(response(.success(.notObserved), insteadOf: page) == .success)
    #expect(response(.success(.elsewhere), insteadOf: page) == .wrongPage)
    #expect(response(.success(.unknown(value: 7)), insteadOf: fault) == .wrongPage)
    #expect(
      response(.pageFault(errorCode: 5, cr2: 0x40_0008), insteadOf: page) == .pageFault(5))
    #expect(
      response(.pageFault(errorCode: 5, cr2: 0x40_0000), insteadOf: page) == .wrongAddress(5))
    #expect(
      response(.exception(vector: 13, errorCode: 2), insteadOf: page)
        == .exception(vector: 13, errorCode: 2))
    #expect(response(.lost(.shutdown), insteadOf: fault) == .lost(.shutdown))
    #expect(response(.notRun(.timeLimit), insteadOf: fault) == nil)
  }
}
