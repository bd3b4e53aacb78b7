// PageFaultErrorCodeTests: the bits of an error code and their names.

import MMU
import Testing

@Suite("A page fault's error code reads as the manual names its bits")
struct PageFaultErrorCodeTests {
  @Test(
    "Each bit has its name",
    arguments: zip(
      [0, 1, 2, 3, 4, 5, 6, 7, 15, 31],
      ["P", "W", "U", "RSVD", "I", "PK", "SS", "HLAT", "SGX", "RMP"]))
  func names(bit: Int, name: String) {
    #expect(PageFaultErrorCode(rawValue: 1 << UInt32(bit)).description == name)
  }

  @Test("Names are joined from bit 0 up, and unknown bits are not lost")
  func joined() {
    #expect(PageFaultErrorCode(rawValue: 0).description == "0")
    #expect(PageFaultErrorCode(rawValue: 7).description == "P|W|U")
    #expect(PageFaultErrorCode(rawValue: 0x4000_0029).description == "P|RSVD|PK|0x40000000")
  }
}
