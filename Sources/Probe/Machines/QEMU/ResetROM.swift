// ResetROM: the firmware of a machine that starts at the reset vector, with its tables filled in.

import GuestImages
import GuestMem
import MMU

/// Builds the ROM that leads from reset to the agent's mailbox.
///
/// Its tables show the ROM at its own address and the start of the agent's slot at the agent's
/// window. They stand in the ROM, so that waiting for a batch touches no RAM under test; A and D
/// are set, because a processor cannot set them there.
struct ResetROM {
  private static let base = UInt64(KVMPT_ROM_ADDRESS)
  private static let pageFlags: UInt64 = 0x63
  private static let tableFlags: UInt64 = 0x23
  private static let addressMask: UInt64 = 0x000f_ffff_ffff_f000

  private var words: [UInt64]
  private var tableCount = 1
  private let rootLevel: Level

  /// The ROM for an agent whose slot is at `agentAddress` and whose window is at `windowAddress`.
  init(
    agentAddress: UInt64, windowAddress: UInt64, rootLevel: Level, pageAttributeTable: UInt64
  ) {
    self.rootLevel = rootLevel
    // SAFETY: the image is constant data of this size.
    let image = unsafe UnsafeRawBufferPointer(
      start: kvmpt_rom_image(), count: Int(KVMPT_ROM_SIZE))
    words = (0..<Int(KVMPT_ROM_SIZE) / 8).map {
      unsafe image.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self)
    }
    for offset in stride(from: 0, to: UInt64(KVMPT_ROM_SIZE), by: 4096) {
      map(Self.base + offset, to: Self.base + offset)
    }
    for offset in stride(from: 0, to: UInt64(KVMPT_ROOT_COPY), by: 4096) {
      map(windowAddress &+ offset, to: agentAddress &+ offset)
    }
    // PAE and PGE; the rest is set by each batch. Source: Intel SDM volume 3A, section 2.5.
    set(KVMPT_ROM_CR4, 0xa0 | (rootLevel == .pageMapLevel5 ? 1 << 12 : 0))
    set(KVMPT_ROM_PAT, pageAttributeTable)
    set(KVMPT_ROM_ENTRY, windowAddress &+ UInt64(KVMPT_MAILBOX))
    // An available TSS in place of a busy one. Source: Intel SDM volume 3A, section 9.2.3.
    let segment = windowAddress &+ UInt64(KVMPT_TSS)
    let descriptor = KVMPT_ROM_GDT + KVMPT_TSS_SELECTOR
    set(
      descriptor, 0x0000_8900_0000_0067 | (segment & 0xff_ffff) << 16 | (segment >> 24 & 0xff) << 56
    )
    set(descriptor + 8, segment >> 32)
  }

  /// The ROM's bytes.
  var bytes: [UInt8] {
    words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
  }

  private mutating func set(_ offset: Int32, _ value: UInt64) { words[Int(offset) / 8] = value }

  /// Maps a page; tables that are missing on the way are taken from the ROM's.
  private mutating func map(_ linear: UInt64, to physical: UInt64) {
    var table = 0
    var level = rootLevel
    while let lower = level.lower {
      let slot = table * 512 + Int(linear >> level.indexShift & 511)
      if words[slot] == 0 {
        words[slot] = Self.base + UInt64(tableCount) * 4096 | Self.tableFlags
        tableCount += 1
      }
      table = Int(((words[slot] & Self.addressMask) - Self.base) / 4096)
      level = lower
    }
    words[table * 512 + Int(linear >> 12 & 511)] = physical | Self.pageFlags
  }
}
