// Giving up the host's mapping of pages: they are gone from its tables, and their content is not.

import GuestMem
import MMU
import TestSupport
import Testing

@Suite("The host's mapping of guest memory is given up page by page")
struct HostMappingTests {
  private func place(_ page: UInt64) -> GuestPhysicalAddress {
    GuestPhysicalAddress(truncating: page << 12)
  }

  private func residents(_ view: MemoryView) -> [Bool?] {
    // SAFETY: the page lies in the view.
    (0..<view.byteCount >> 12).map { unsafe isResident(view.baseAddress + Int($0 << 12)) }
  }

  @Test("The pages of the range and no others, whatever its bounds")
  func drops() throws {
    let memory = try GuestMemory(byteCount: 8 << 12, backing: .memoryFile)
    let mapping = try HostMapping(memory)
    let cases: [(Range<UInt64>, Set<Int>)] = [
      (0x1000..<0x2000, [1]), (0x1fff..<0x3001, [1, 2, 3]), (0x7000..<0x9000, [7]),
      (0..<(.max), [0, 1, 2, 3, 4, 5, 6, 7]), (0x8000..<0x9000, []), (0x3000..<0x3000, []),
      (.max - 1..<(.max), []),
    ]
    for (range, expected) in cases {
      for page in 0..<8 as Range<UInt64> { memory.view.storeWord(page + 100, at: place(page)) }
      try #require(residents(memory.view) == .init(repeating: true, count: 8))
      try mapping.dropTranslations(to: range)
      let gone = Set(residents(memory.view).enumerated().filter { $1 == false }.map(\.offset))
      #expect(gone == expected, "\(range)")
      for page in 0..<8 as Range<UInt64> {
        #expect(memory.view.loadWord(at: place(page)) == page + 100)
      }
    }
  }

  @Test("Memory whose content would be lost is refused")
  func refused() throws {
    let memory = try GuestMemory(byteCount: 4096, backing: .anonymous)
    #expect(throws: GuestMemoryError.notShareable) { try HostMapping(memory) }
    let original = try GuestMemory(byteCount: 4096, backing: .memoryFile)
    let copy = try original.privateCopy()
    #expect(throws: GuestMemoryError.notShareable) { try HostMapping(copy) }
  }
}
