// The variants of entries that a matrix goes through: each bit by itself, and none twice.

import MMU
import Testing

@testable import Probe

@Suite("A matrix goes through every bit of an entry by itself")
struct EntryVariantTests {
  @Test("at every level, for every width")
  func everyBit() {
    for width in 36...52 as ClosedRange<UInt8> {
      for level in Level.allCases {
        let tables = EntryVariant.tables(at: level, addressWidth: width).map(\.bits)
        #expect(Set(tables).count == tables.count)
        // Bits 12 to MAXPHYADDR - 1 are the address; PS is another matrix below level 4.
        let ordinary = [3, 4, 6, 8, 9, 10, 11] + Array(52...62) + Array(Int(width)..<52)
        for bit in ordinary where level > .pageTable {
          #expect(tables.contains(EntryVariant.open | 1 << UInt64(bit)), "\(level) \(bit)")
        }
        guard level <= .pageDirectoryPointerTable else { continue }
        let leaves = EntryVariant.leaves(at: level, addressWidth: width).map(\.bits)
        #expect(Set(leaves).count == leaves.count)
        let size: UInt64 = level == .pageTable ? 0 : 1 << 7
        var bits = [8, 9, 10, 11] + Array(52...62) + Array(Int(width)..<52)
        if level == .pageDirectory { bits += Array(13...20) }
        if level == .pageDirectoryPointerTable { bits += Array(13...29) }
        for bit in bits {
          #expect(leaves.contains(EntryVariant.open | 1 << UInt64(bit) | size), "\(level) \(bit)")
        }
      }
    }
  }
}
