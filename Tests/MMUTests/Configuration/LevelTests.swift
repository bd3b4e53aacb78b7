// Levels, sizes and modes: what each is, by its number.

import MMU
import Testing

@Suite("Levels and sizes belong together as the manual's tables say")
struct LevelTests {
  @Test("Sizes at their levels, and none above")
  func sizes() {
    #expect(
      Level.allCases.sorted().map { PageSize(level: $0) }
        == [.size4KiB, .size2MiB, .size1GiB, nil, nil])
    #expect(
      PageSize.allCases.map(\.level) == [.pageTable, .pageDirectory, .pageDirectoryPointerTable])
    #expect(PageSize.allCases.map(\.byteCount) == [1 << 12, 1 << 21, 1 << 30])
  }

  @Test("Each level decides nine bits of an address, and spans what lies below them")
  func indices() {
    for (number, level) in Level.allCases.sorted().enumerated() {
      let shift = UInt64(12 + 9 * number)
      #expect(level.span == 1 << shift && level.indexShift == shift)
      #expect(level.lower?.rawValue == (number == 0 ? nil : UInt8(number)))
      #expect(level.upper?.rawValue == (number == 4 ? nil : UInt8(number + 2)))
      for bit in 0..<57 as Range<UInt64> {
        let address = LinearAddress(truncating: 1 << bit, width: .bits57)
        let isOwn = bit >= shift && bit < shift + 9
        #expect(level.index(of: address) == (isOwn ? 1 << Int(bit - shift) : 0) || bit == 56)
      }
      let all = LinearAddress(truncating: .max, width: .bits57)
      #expect(level.index(of: all) == 511)
    }
  }

  @Test("A mode begins with WP on and everything else off")
  func modes() {
    for privilege in PrivilegeLevel.allCases {
      let mode = CPUMode(privilege: privilege)
      #expect(mode.privilege == privilege && mode.isWriteProtectEnabled)
      #expect(!mode.isSMEPEnabled && !mode.isSMAPEnabled && !mode.isAlignmentCheckFlagSet)
      #expect(!mode.isPKEEnabled && !mode.isPKSEnabled && mode.pkru == 0 && mode.pkrs == 0)
    }
  }
}
