// Differences that repeat in steps of one size are one, with the leaves of all.

import GuestMem
import MMU
import Testing

@testable import Probe

@Suite("Three differences in steps of one size are one difference")
struct StrideTests {
  /// A difference of the step `index`: what was asked follows without a gap, what is there steps by
  /// `stride`.
  private static func step(
    _ index: UInt64, leaves: UInt64, stride: UInt64 = 0x40_0000
  ) -> RangeDifference {
    let first = 0x8000_0000 + index * 0x20_0000
    return RangeDifference(
      .different, first: first, last: first + 0x1f_ffff,
      asked: AskedRange(
        first: first, last: first + 0x1f_ffff,
        content: .mapped(PageStatement(physicalAddress: index * 0x20_0000)), mapping: 0),
      found: PageStatement(physicalAddress: 0x1000_0000 + index * stride),
      properties: RangeProperties(.physicalAddress), leafCount: leaves)
  }

  @Test("with the sum of their leaves, and of each that follows")
  func leafCounts() throws {
    var joined = try #require(
      RangeDifference(
        stride: Self.step(0, leaves: 1), Self.step(1, leaves: 20), Self.step(2, leaves: 300)))
    #expect(joined.leafCount == 321 && joined.first == 0x8000_0000)
    #expect(joined.last == 0x8000_0000 + 3 * 0x20_0000 - 1)
    #expect(
      joined.stride == RangeStride(linear: 0x20_0000, physical: 0x40_0000, count: 3))
    let isAppended = joined.appendStep(Self.step(3, leaves: 4000))
    #expect(isAppended)
    #expect(joined.leafCount == 4321 && joined.stride?.count == 4)
    // Another step, and one that leaves a gap, are other differences.
    let isOtherAppended = joined.appendStep(Self.step(4, leaves: 1, stride: 0x60_0000))
    let isFarAppended = joined.appendStep(Self.step(5, leaves: 1))
    #expect(!isOtherAppended && !isFarAppended)
  }

  @Test("and others are not")
  func others() {
    let steps = (0..<3).map { Self.step($0, leaves: 1) }
    #expect(RangeDifference(stride: steps[0], steps[2], steps[1]) == nil)
    #expect(
      RangeDifference(stride: steps[0], steps[1], Self.step(2, leaves: 1, stride: 0x30_0000)) == nil
    )
  }
}
