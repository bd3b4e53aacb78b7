// HandoverPage: the page from which a kernel is entered.

import GuestImages
import GuestMem
import MMU

/// Descriptors, start information, and the code that leads to 64-bit mode; see `boot_layout.h`.
struct HandoverPage {
  let address: UInt64
  let start: BootStart
  let memoryByteCount: UInt64
  let commandLine: [UInt8]

  /// The descriptors, all with their accessed bit set: the page is not writable for the kernel.
  ///
  /// Source: Intel SDM volume 3A, section 3.4.5.
  private static let descriptors: [UInt64] = [
    0, 0x00af_9b00_0000_ffff, 0x00cf_9300_0000_ffff, 0x00cf_9b00_0000_ffff,
  ]
  /// PE, MP, ET, NE, WP, PG.
  static let cr0: UInt64 = 0x8001_0033
  /// PAE, OSFXSR and OSXMMEXCPT: compilers use SSE where nobody tells them not to.
  static let cr4: UInt64 = 0x620
  /// SCE, LME and NXE; the processor sets LMA.
  static let efer: UInt64 = 0x901

  /// Writes the page.
  func write(to memory: MemoryView) {
    // SAFETY: the image is constant data of this size.
    let code = unsafe UnsafeRawBufferPointer(start: kvmpt_handover_image(), count: 512)
    memory.writeBytes(unsafe [UInt8](code), at: GuestPhysicalAddress(truncating: address))
    func store(_ offset: Int32, _ word: UInt64) {
      memory.storeWord(word, at: GuestPhysicalAddress(truncating: address + UInt64(offset)))
    }
    if case .longMode(let entry, let root, let stackPointer) = start {
      store(KVMPT_HANDOVER_CR0, Self.cr0)
      store(KVMPT_HANDOVER_CR3, root)
      store(KVMPT_HANDOVER_CR4, Self.cr4)
      store(KVMPT_HANDOVER_EFER, Self.efer)
      store(KVMPT_HANDOVER_RIP, entry)
      store(KVMPT_HANDOVER_RSP, stackPointer)
      store(
        KVMPT_HANDOVER_FAR,
        address + UInt64(kvmpt_handover_64_offset()) | UInt64(KVMPT_BOOT_CS) << 32)
      let table = address + UInt64(KVMPT_HANDOVER_GDT)
      store(KVMPT_HANDOVER_GDTR, UInt64(KVMPT_BOOT_GDT_WORDS * 8 - 1) | table << 16)
      store(KVMPT_HANDOVER_GDTR + 8, table >> 48)
      store(KVMPT_HANDOVER_IDTR, 0)
      store(KVMPT_HANDOVER_IDTR + 8, 0)
    }
    for (index, descriptor) in Self.descriptors.enumerated() {
      store(KVMPT_HANDOVER_GDT + Int32(index) * 8, descriptor)
    }
    writeInformation(store)
    memory.writeBytes(
      commandLine + [0],
      at: GuestPhysicalAddress(truncating: address + UInt64(KVMPT_HANDOVER_COMMAND_LINE)))
  }

  /// The start information of PVH, version 1.
  ///
  /// Source: Xen, public/arch-x86/hvm/start_info.h.
  private func writeInformation(_ store: (Int32, UInt64) -> Void) {
    let information = KVMPT_HANDOVER_INFO
    let map = KVMPT_HANDOVER_MEMORY_MAP
    let ranges: [Range<UInt64>] = [0..<0xa0000, 0x10_0000..<address]
    store(information, 0x336e_c578 | 1 << 32)
    store(information + 8, 0)
    store(information + 16, 0)
    store(information + 24, address + UInt64(KVMPT_HANDOVER_COMMAND_LINE))
    store(information + 32, 0)
    store(information + 40, address + UInt64(map))
    store(information + 48, UInt64(ranges.count))
    for (index, range) in ranges.enumerated() {
      let place = map + Int32(index) * 24
      store(place, range.lowerBound)
      store(place + 8, UInt64(range.count))
      // Type 1, RAM.
      store(place + 16, 1)
    }
  }
}

/// The ROM from the reset vector to the entry in 32-bit mode.
struct BootROM {
  let entry: UInt32
  let information: UInt32

  /// 64 KiB, of which the last page is used.
  var bytes: [UInt8] {
    let size = Int(KVMPT_BOOT_ROM_SIZE)
    // SAFETY: the image is constant data of this size.
    let image = unsafe UnsafeRawBufferPointer(start: kvmpt_boot_rom_image(), count: size)
    var page = unsafe [UInt8](image)
    func set(_ offset: Int32, _ value: UInt32) {
      for index in 0..<4 {
        page[Int(offset) + index] = UInt8(truncatingIfNeeded: value >> UInt32(index * 8))
      }
    }
    set(KVMPT_BOOT_ROM_ENTRY, entry)
    set(KVMPT_BOOT_ROM_INFO, information)
    return [UInt8](repeating: 0, count: 0x10000 - size) + page
  }
}
