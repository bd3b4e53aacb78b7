// MemoryDigest: a number for all that a guest's memory holds.

internal import CLinux
import GuestMem
import MMU

/// Tells whether memory is as it was.
struct MemoryDigest: Hashable {
  private let value: UInt64

  /// Goes through the parts of `memory` that hold anything, which nobody changes meanwhile; nil for memory
  /// without a file.
  ///
  /// Two different contents have the same number once in 2^64 times.
  ///
  /// - Complexity: O(n) in the bytes that were ever written.
  init?(_ memory: borrowing GuestMemory) {
    guard let file = memory.file?.fileDescriptor else { return nil }
    var value: UInt64 = 0xcbf2_9ce4_8422_2325
    var position: UInt64 = 0
    while position < memory.byteCount {
      let data = clinux_next_data(file, position)
      // ENXIO: nothing is behind this place.
      guard data >= 0, UInt64(data) < memory.byteCount else { break }
      let hole = clinux_next_hole(file, UInt64(data))
      let end = hole > data ? min(UInt64(hole), memory.byteCount) : memory.byteCount
      var place = UInt64(data)
      while place < end {
        let count = min(end - place, 1 << 16)
        let words =
          memory.view.readWords(
            at: GuestPhysicalAddress(truncating: place), count: Int(count / 8)) ?? []
        value ^= place
        for word in words {
          value = (value ^ word) &* 0x9e37_79b9_7f4a_7c15
          value ^= value >> 29
        }
        place += count
      }
      position = end
    }
    self.value = value
  }
}
