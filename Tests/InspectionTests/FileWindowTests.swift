// The blocks of a file that are kept where not all can be.

import Testing

@testable import Inspection

@Suite(
  "A window of blocks has the bytes of the block that is asked for, and asks as seldom as it can")
struct FileWindowTests {
  /// A byte that tells the block and the place.
  static func byte(_ block: UInt64, _ place: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: block &* 31 &+ block >> 8 &* 7 &+ UInt64(place) &* 13)
  }

  /// A window, and the blocks that it asked for.
  struct Machine {
    var window = FileWindow()
    var asked: [UInt64] = []

    mutating func read(
      _ block: UInt64, _ place: Int, fails: Bool = false
    ) -> Result<UInt8, MemoryImageError> {
      var asked: [UInt64] = []
      let result = unsafe window.byte(at: place, ofBlock: block) { buffer in
        asked.append(block)
        // SAFETY: the places are those of the buffer.
        for place in 0..<buffer.count {
          unsafe buffer[place] = FileWindowTests.byte(block, place)
        }
        return fails || buffer.count != 4096 ? .unreadable(errorNumber: 5) : nil
      }
      self.asked += asked
      return result
    }
  }

  @Test("A thousand and more blocks, each read once as long as there is room")
  func room() {
    var machine = Machine()
    for _ in 0..<2 {
      for block in 0..<1024 as Range<UInt64> {
        for place in [0, 1, 2048, 4095] {
          #expect(machine.read(block, place) == .success(Self.byte(block, place)))
        }
      }
    }
    #expect(machine.asked == Array(0..<1024))
  }

  @Test("A block that takes the place of another one, back and forth, and the last there can be")
  func replaced() {
    var machine = Machine()
    let blocks: [UInt64] = [0, 1024, 0, 2048, 1, 1025, 1, 1023, 2047, UInt64.max >> 12, 0]
    for block in blocks {
      for place in [4095, 0, 17] {
        #expect(machine.read(block, place) == .success(Self.byte(block, place)))
      }
    }
    #expect(machine.asked.count <= blocks.count && Set(machine.asked) == Set(blocks))
  }

  @Test("A block that cannot be read is asked for again, and leaves nothing of itself")
  func failures() {
    var machine = Machine()
    let failure = Result<UInt8, MemoryImageError>.failure(.unreadable(errorNumber: 5))
    for block in [0, 5, 1023] as [UInt64] {
      #expect(machine.read(block, 0) == .success(Self.byte(block, 0)))
      let count = machine.asked.count
      for _ in 0..<2 { #expect(machine.read(block + 1024, 0, fails: true) == failure) }
      #expect(machine.asked.count == count + 2)
      // Its bytes stand where the first block stood, which must be read anew.
      #expect(machine.read(block, 7) == .success(Self.byte(block, 7)))
      #expect(machine.read(block + 1024, 7) == .success(Self.byte(block + 1024, 7)))
      #expect(machine.asked.count == count + 4)
    }
  }
}
