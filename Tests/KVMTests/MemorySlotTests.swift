// Memory slots, and what a device says about itself.

import KVM
import MMU
import TestHosts
import TestImages
import Testing

@Suite("Memory slots come and go", .enabled(if: Host.hasKVM, "needs /dev/kvm"))
struct MemorySlotTests {
  @Test("A slot that overlaps another is refused with EEXIST, and a fix")
  func overlap() throws {
    let guest = try TestGuest(code: [0xf4])
    let error = try #require(throws: KVMError.self) {
      // SAFETY: the memory lives as long as the machine, which refuses the slot anyway.
      try unsafe guest.machine.setMemorySlot(
        1, at: GuestPhysicalAddress(truncating: 0x8000), memory: guest.memory, byteCount: 0x1000)
    }
    #expect(error.id == "kvm-call-failed")
    #expect(error.message.contains("KVM_SET_USER_MEMORY_REGION(slot 1, 0x8000, 4096 bytes)"))
    #expect(error.message.contains("EEXIST"))
    #expect(error.hint == "the range overlaps another memory slot")
  }

  @Test("A misaligned slot is refused with EINVAL, and a fix")
  func misaligned() throws {
    let guest = try TestGuest(code: [0xf4])
    let error = try #require(throws: KVMError.self) {
      // SAFETY: as above.
      try unsafe guest.machine.setMemorySlot(
        1, at: GuestPhysicalAddress(truncating: 0x10_0010), memory: guest.memory, byteCount: 0x1000)
    }
    #expect(error.message.contains("EINVAL") && error.hint.contains("page-aligned"))
  }

  @Test("A slot that is deleted takes its memory away, and one made anew gives it back")
  func recreation() throws {
    // mov 0x200000, %rax, which is physical 1 GiB; hlt; three times.
    let load: [UInt8] = [0x48, 0x8b, 0x04, 0x25, 0, 0, 0x20, 0, 0xf4]
    let guest = try TestGuest(code: load + load + load)
    let place = GuestPhysicalAddress(truncating: 0x4000_0000)
    for _ in 0..<2 {
      // SAFETY: the memory lives as long as the machine.
      try unsafe guest.machine.setMemorySlot(1, at: place, memory: guest.memory, byteCount: 0x10000)
      let exit = try guest.cpu.run(limit: .seconds(300))
      #expect(exit == .halted)
      try guest.machine.deleteMemorySlot(1, at: place)
    }
    let exit = try guest.cpu.run(limit: .seconds(300))
    #expect(exit == .mmioRead(address: place, byteCount: 8))
  }

  @Test("KVM offers slots, vCPUs and a processor for 64-bit guests, and no made-up capability")
  func capabilities() throws {
    let device = try Device()
    let slotCount = device.capability(.memorySlotCount)
    let cpuCount = device.capability(.virtualCPUCount)
    let unknown = device.capability(Capability(rawValue: 0x7fff_0000))
    #expect(slotCount >= 2 && cpuCount >= 1 && unknown == 0)
    let processor = try device.supportedProcessor()
    #expect((32...52).contains(processor.physicalAddressWidth))
    #expect(processor.vendorName.utf8.count == 12 && processor.leafCount > 4)
    #expect(processor.hasNoExecute)
  }
}
