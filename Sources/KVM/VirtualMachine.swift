// VirtualMachine: a guest's memory slots, and where its vCPUs come from.

internal import CKVM
public import MMU

/// A virtual machine.
///
/// Source: KVM API document, section 4, VM ioctls.
public struct VirtualMachine: ~Copyable, Sendable {
  let descriptor: FileDescriptor
  let runByteCount: Int64

  /// Makes `byteCount` bytes of host memory the guest's memory from `guestPhysicalAddress` on.
  ///
  /// The host memory must stay mapped until the slot is deleted or the machine is gone; unmapping
  /// it earlier takes it away from the guest, which then exits with MMIO.
  ///
  /// With `logsDirtyPages` KVM keeps a log of the pages that the guest writes. A slot that is there
  /// already may change in this alone, and vCPUs may run meanwhile.
  ///
  /// - Throws: ``KVMError/call(_:errorNumber:)`` when the range is misaligned or overlaps a slot.
  ///
  /// Source: KVM API document, section 4.35.
  @unsafe
  public func setMemorySlot(
    _ slot: UInt32, at guestPhysicalAddress: GuestPhysicalAddress,
    memory: UnsafeMutableRawPointer, byteCount: UInt64, logsDirtyPages: Bool = false
  ) throws(KVMError) {
    let host = UInt64(UInt(bitPattern: memory))
    // KVM_MEM_LOG_DIRTY_PAGES.
    let flags: UInt32 = logsDirtyPages ? 1 : 0
    _ = try checked(
      ckvm_set_user_memory_region(
        descriptor.number, slot, flags, guestPhysicalAddress.rawValue, byteCount, host),
      .setMemoryRegion(
        slot: slot, guestPhysicalAddress: guestPhysicalAddress.rawValue, byteCount: byteCount))
  }

  /// Takes a slot's memory away from the guest; all translations that KVM derived from it go too.
  ///
  /// - Throws: ``KVMError/call(_:errorNumber:)`` when KVM_SET_USER_MEMORY_REGION fails.
  public func deleteMemorySlot(
    _ slot: UInt32, at guestPhysicalAddress: GuestPhysicalAddress
  ) throws(KVMError) {
    _ = try checked(
      ckvm_set_user_memory_region(
        descriptor.number, slot, 0, guestPhysicalAddress.rawValue, 0, 0),
      .setMemoryRegion(
        slot: slot, guestPhysicalAddress: guestPhysicalAddress.rawValue, byteCount: 0))
  }

  /// Reserves four pages of guest-physical addresses that Intel hosts without unrestricted guest
  /// need.
  ///
  /// Other hosts refuse the calls or ignore them, and both are fine.
  ///
  /// Source: KVM API document, sections 4.36 and 4.40.
  public func reserveHostPages(at guestPhysicalAddress: GuestPhysicalAddress) {
    _ = ckvm_set_identity_map_addr(descriptor.number, guestPhysicalAddress.rawValue)
    _ = ckvm_set_tss_addr(descriptor.number, guestPhysicalAddress.rawValue + 0x1000)
  }

  /// Allows KVM to keep `count` shadow pages; a host that does not shadow may ignore it.
  ///
  /// Source: `<linux/kvm.h>`, KVM_SET_NR_MMU_PAGES and KVM_CAP_MMU_SHADOW_CACHE_CONTROL.
  ///
  /// - Throws: ``KVMError/call(_:errorNumber:)`` when KVM_SET_NR_MMU_PAGES fails.
  public func setShadowPageCount(_ count: Int) throws(KVMError) {
    _ = try checked(
      ckvm_set_nr_mmu_pages(descriptor.number, UInt64(max(0, count))), .setShadowPageCount(count))
  }

  /// A new vCPU in its reset state.
  ///
  /// - Throws: ``KVMError/call(_:errorNumber:)`` when KVM_CREATE_VCPU or the mapping of its
  ///   `kvm_run` page fails.
  public func makeVirtualCPU(identifier: Int = 0) throws(KVMError) -> VirtualCPU {
    let number = try checked(
      ckvm_create_vcpu(descriptor.number, UInt64(max(0, identifier))),
      .createVirtualCPU(identifier: identifier))
    let owner = FileDescriptor(owning: CInt(number))
    let shared = try SharedRun(descriptor: owner.number, byteCount: runByteCount)
    return VirtualCPU(descriptor: owner, shared: shared)
  }
}
