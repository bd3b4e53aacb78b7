// Which mapping an error of the build is about.

import GuestMem
import MMU
import Testing

@testable import Probe

@Suite("An error of the build names its mapping")
struct BuildErrorTests {
  @Test("where it has one, and only there")
  func mapping() {
    let tables = PageTableError.notCanonical(1)
    let frames = FrameAllocationError.outOfMemory(
      byteCount: 4096, alignment: 4096, freeByteCount: 0)
    #expect(AddressSpaceBuildError.frames(mapping: 3, frames).mapping == 3)
    #expect(AddressSpaceBuildError.tables(mapping: 4, tables).mapping == 4)
    #expect(AddressSpaceBuildError.tables(mapping: nil, tables).mapping == nil)
    #expect(AddressSpaceBuildError.unfinished(.timeLimit).mapping == nil)
    #expect(AddressSpaceBuildError.invalid([]).mapping == nil)
  }
}
