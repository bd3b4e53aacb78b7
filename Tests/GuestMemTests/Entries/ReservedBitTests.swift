// Reserved bits, as the builder knows them, against the model.

import MMU
import Testing

@testable import GuestMem

@Suite("The builder and the model reserve the same bits, each by its own code")
struct ReservedBitTests {
  @Test("each pair of bits, at each level, on processors of every kind")
  func everyPair() throws {
    var reservedCount = 0
    var freeCount = 0
    for width in 32...52 as ClosedRange<UInt8> {
      for choice in 0..<8 {
        let paging = try PagingConfiguration(
          rootLevel: .pageMapLevel5, physicalAddressWidth: width,
          isNoExecuteEnabled: choice & 1 != 0, supports1GiBPages: choice & 2 != 0,
          vendor: choice & 4 != 0 ? .amd : .intel)
        for level in Level.allCases {
          for first in 0..<64 as Range<UInt64> {
            for second in first..<64 {
              let word: UInt64 = 1 << first | 1 << second | 1
              let own = EntryBits.reserved(in: word, level: UInt64(level.rawValue), paging)
              let modelled = PageTableEntry(word, at: level).reservedBits(in: paging)
              if own != modelled {
                Issue.record("\(level), \(paging): bits \(first) and \(second)")
                return
              }
              if own == 0 { freeCount += 1 } else { reservedCount += 1 }
            }
          }
        }
      }
    }
    #expect(reservedCount + freeCount == 21 * 8 * 5 * 2080)
    #expect(reservedCount > 500_000 && freeCount > 500_000)
  }

  /// Source: Intel SDM volume 3A, table 13-12 (IA32_PAT after power-up and reset).
  @Test("after power-on the eight types are WB, WT, UC-, UC, and the same again")
  func powerOnTypes() {
    let types = (0..<8 as Range<UInt64>).map { PageAttributeTable.powerOn >> ($0 * 8) & 0xff }
    #expect(types == [6, 4, 7, 0, 6, 4, 7, 0])
  }
}
