// ConformanceStamp: what the frames of a matrix hold, so that every kind of access can tell them.

import GuestImages
import GuestMem
import MMU

/// A frame stamp with its number at both ends, for accesses that cross into or out of the frame,
/// and a descriptor whose limit is the number.
enum ConformanceStamp {
  /// Where the descriptor stands in the frame.
  static let descriptorOffset: UInt64 = 0xff0
  /// The words for writes that are left.
  static let writeSlotCount = FrameStamp.writeSlotCount - 2

  /// Stamps the frame at `address`.
  static func write(to address: UInt64, in memory: MemoryView) {
    FrameStamp.write(to: address, in: memory)
    writeEnds(to: address, in: memory)
    // Present data segment for CPL 3, accessed already; 20 bits of limit hold the frame's number.
    // Source: Intel SDM volume 3A, section 3.4.5.
    let number = address >> 12
    memory.storeWord(
      0x0000_f300_0000_0000 | number & 0xffff | (number >> 16 & 0xf) << 48,
      at: GuestPhysicalAddress(truncating: address + descriptorOffset))
  }

  /// Writes what crossing writes destroy.
  static func writeEnds(to address: UInt64, in memory: MemoryView) {
    let number = address >> 12 & 0xffff_ffff
    memory.storeWord(
      0xb848_0000_0000_0000 | number & 0xffff_ffff, at: GuestPhysicalAddress(truncating: address))
    memory.storeWord(number << 32, at: GuestPhysicalAddress(truncating: address + 0xff8))
  }

  /// What a read over the border of two frames finds.
  static func crossingValue(_ first: UInt64, _ second: UInt64) -> UInt64 {
    (first >> 12 & 0xffff_ffff) | (second >> 12) << 32
  }
}
