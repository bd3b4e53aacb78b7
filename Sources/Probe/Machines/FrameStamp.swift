// FrameStamp: how a frame says which frame it is, to readers and to programs.

import GuestImages
import GuestMem
import MMU

/// Where the probes of a page look, and what they find when the translation is right.
enum FrameContent: Hashable, Sendable {
  /// The frame carries its own address, code that loads it, and room for writes.
  case stamped
  /// The frame is a table; the stub and its number stand in the free slot with this index.
  case table(freeSlot: Int)
  /// The frame is a table without a free slot: it is compared and never changed.
  case fullTable
  /// There is no memory: accesses end in the host, which says where.
  case device
}

/// Writes stamps.
enum FrameStamp {
  /// The number of probes that can write to a stamped frame, each to a word of its own.
  static let writeSlotCount = (4096 - Int(KVMPT_STAMP_WRITE)) / 8

  /// Makes the frame at `address`, which is no table, say its address.
  ///
  /// `offset` is where the frame stands in `memory`, if not at its address.
  static func write(to address: UInt64, at offset: UInt64? = nil, in memory: MemoryView) {
    // movabs $address, %rax from byte 6 on, so that the address is aligned; jmp *%rdx after it.
    let place = offset ?? address
    memory.storeWord(0xb848_0000_0000_0000, at: GuestPhysicalAddress(truncating: place))
    memory.storeWord(address, at: GuestPhysicalAddress(truncating: place + 8))
    memory.storeWord(0xe2ff, at: GuestPhysicalAddress(truncating: place + 16))
  }

  /// Puts `code` into a stamped frame, to be run by fetch probes instead of the stub.
  static func write(_ code: [UInt8], at offset: UInt64, in memory: MemoryView) {
    // jmp to the first write slot.
    memory.storeWord(0x10eb_0000_0000_0000, at: GuestPhysicalAddress(truncating: offset))
    memory.writeBytes(
      code, at: GuestPhysicalAddress(truncating: offset + UInt64(KVMPT_STAMP_WRITE)))
  }

  /// The word for a free slot of the table at `address`: jmp *%rdx and the frame's number.
  ///
  /// Bit 0 is clear, so to a walk the slot stays not present.
  static func tableWord(for address: UInt64) -> UInt64 { 0xe2ff48 | (address >> 12) << 24 }

  /// Looks for a slot that is not present, from the end, and writes the table's word into it.
  static func writeToFreeSlot(
    ofTableAt address: UInt64, in memory: ProbeMemory
  ) -> FrameContent {
    for slot in (0..<512).reversed() {
      let place = GuestPhysicalAddress(truncating: address + UInt64(slot) * 8)
      if memory.loadWord(at: place) == 0 {
        memory.storeWord(tableWord(for: address), at: place)
        return .table(freeSlot: slot)
      }
    }
    return .fullTable
  }
}
