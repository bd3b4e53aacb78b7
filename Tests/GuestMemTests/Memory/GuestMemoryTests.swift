// Guest memory: sizes, bounds and copies.

import GuestMem
import MMU
import Testing

@Suite("Guest memory checks every access")
struct GuestMemoryTests {
  @Test(
    "Memory of any size is zero and ends where it says",
    arguments: [0, 4096, 1 << 20, 1 << 40] as [UInt64],
    [GuestMemory.Backing.anonymous, .memoryFile])
  func sizes(byteCount: UInt64, backing: GuestMemory.Backing) throws {
    let memory = try GuestMemory(byteCount: byteCount, backing: backing)
    let view = memory.view
    #expect(view.byteCount == byteCount)
    #expect(view.loadWord(at: physical(byteCount)) == nil)
    #expect(!view.storeWord(1, at: physical(byteCount)))
    #expect(view.readBytes(at: physical(byteCount), count: 1) == nil)
    #expect(view.readBytes(at: physical(byteCount), count: 0) == [])
    #expect(!view.writeBytes([1], at: physical(byteCount)))
    #expect(!view.fill(at: physical((1 << 52) - 1), byteCount: 1, with: 1))
    guard byteCount > 0 else { return }
    let last = physical(byteCount - 8)
    #expect(view.loadWord(at: last) == 0)
    #expect(view.storeWord(0x0102_0304_0506_0708, at: last))
    #expect(view.readBytes(at: last, count: 8) == [8, 7, 6, 5, 4, 3, 2, 1])
    #expect(view.exchangeWord(5, at: last) == 0x0102_0304_0506_0708)
    #expect(view.compareExchangeWord(expected: 4, desired: 6, at: last) == 5)
    #expect(view.compareExchangeWord(expected: 5, desired: 6, at: last) == 5)
    #expect(view.orWord(0x10, at: last) == 6)
    #expect(view.andWord(~2, at: last) == 0x16)
    #expect(view.loadWord(at: last) == 0x14)
    #expect(view.loadWord(at: physical(byteCount - 4)) == nil)
  }

  @Test("Sizes that are no whole pages, or too large, are refused")
  func refusedSizes() {
    for byteCount in [1, 4095, 4097, (1 << 52) + 4096, .max] as [UInt64] {
      #expect(throws: GuestMemoryError.invalidByteCount(byteCount)) {
        try GuestMemory(byteCount: byteCount, backing: .anonymous).byteCount
      }
    }
    #expect(throws: GuestMemoryError.self) {
      try GuestMemory(byteCount: 1 << 52, backing: .anonymous).byteCount
    }
  }

  @Test("A private copy shows the original and keeps its own writes")
  func privateCopy() throws {
    let memory = try GuestMemory(byteCount: 8192, backing: .memoryFile)
    memory.view.storeWord(7, at: physical(0))
    let copy = try memory.privateCopy()
    #expect(copy.view.loadWord(at: physical(0)) == 7)
    copy.view.storeWord(8, at: physical(0))
    #expect(memory.view.loadWord(at: physical(0)) == 7)
    #expect(copy.view.loadWord(at: physical(0)) == 8)
    let anonymous = try GuestMemory(byteCount: 8192, backing: .anonymous)
    #expect(throws: GuestMemoryError.notShareable) { try anonymous.privateCopy().byteCount }
  }
}
