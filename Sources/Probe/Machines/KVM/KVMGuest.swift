// KVMGuest: one virtual machine with one vCPU, slots for RAM and one for the agent.

internal import CKVM
import GuestImages
import GuestMem
import KVM
import MMU

/// A virtual machine that runs the agent.
struct KVMGuest: ~Copyable {
  let machine: VirtualMachine
  var cpu: VirtualCPU

  static let agentSlot: UInt32 = 0
  static let firstRAMSlot: UInt32 = 1
  /// The size of the largest slot that is made.
  ///
  /// A slot has fewer than 2^31 pages. Source: Linux, KVM_MEM_MAX_NR_PAGES.
  static let slotByteCount: UInt64 = 1 << 42

  /// Makes a guest whose memory is `ram`, where `contents` says, and `agent` at `agentAddress`.
  ///
  /// Both must stay mapped as long as the guest lives.
  init(
    device: borrowing Device, processor: SupportedProcessor, ram: MemoryView,
    contents: MachineMemory, agent: MemoryView, agentAddress: UInt64, walker: TableWalker
  ) throws(KVMError) {
    let machine = try device.makeVirtualMachine()
    let ranges = contents.ranges
    // Three pages and one that Intel hosts need below 4 GiB, where no RAM may be.
    let reserved: UInt64 = 0xfeff_c000
    if !ranges.contains(where: { $0.physicalAddress < reserved + 0x4000 && reserved < $0.end }) {
      machine.reserveHostPages(at: GuestPhysicalAddress(truncating: reserved))
    }
    var slot = Self.firstRAMSlot
    for range in ranges
    where ram.contains(GuestPhysicalAddress(truncating: range.offset), byteCount: range.byteCount) {
      var start: UInt64 = 0
      while start < range.byteCount {
        let byteCount = min(Self.slotByteCount, range.byteCount - start)
        // SAFETY: the owner of the memory outlives the guest, and the range lies in its window.
        try unsafe machine.setMemorySlot(
          slot, at: GuestPhysicalAddress(truncating: range.physicalAddress + start),
          memory: ram.baseAddress + Int(range.offset + start),
          byteCount: byteCount)
        slot += 1
        start += byteCount
      }
    }
    // SAFETY: as above.
    try unsafe machine.setMemorySlot(
      Self.agentSlot, at: GuestPhysicalAddress(truncating: agentAddress),
      memory: agent.baseAddress, byteCount: agent.byteCount)
    if walker.isShadowing {
      // By default KVM keeps a shadow page for every fiftieth guest frame; fewer than the tables
      // under test would thrash. The limit costs nothing until it is used.
      try? machine.setShadowPageCount(65_536)
    }
    let cpu = try machine.makeVirtualCPU()
    try cpu.setProcessor(processor)
    try cpu.setMSR(0x277, to: contents.pageAttributeTable)
    self.machine = machine
    self.cpu = cpu
  }

  /// A slot of one page that no guest uses, so that its flags can change.
  static let settlingSlot: UInt32 = 509

  /// Waits until no vCPU is between a walk of the guest's tables and what KVM derives from it.
  ///
  /// A vCPU of a host that shadows reads the guest's entries when it faults, and enters what it found
  /// into its shadow tables later; what the host changes and drops in between comes back. A change of a
  /// slot waits for every vCPU that has left the guest to enter it again, and that of a slot which
  /// nobody uses does nothing else. `isLogging` is what the slot's flag is; the call changes it.
  ///
  /// Source: Linux, virt/kvm/kvm_main.c (kvm_swap_active_memslots waits for SRCU readers) and
  /// arch/x86/kvm/x86.c (vcpu_run is one but while the guest runs).
  func settle(
    _ agent: MemoryView, at address: UInt64, isLogging: inout Bool
  ) throws(KVMError) {
    // SAFETY: the owner of the memory outlives the guest.
    try unsafe machine.setMemorySlot(
      Self.settlingSlot, at: GuestPhysicalAddress(truncating: address),
      memory: agent.baseAddress, byteCount: 4096, logsDirtyPages: !isLogging)
    isLogging.toggle()
  }

  /// Deletes the agent's slot and makes it anew, so that KVM forgets every shadow page.
  ///
  /// On a host that shadows, KVM does not notice what the host writes to tables. Deleting any slot
  /// makes it drop all that it derived from the old contents.
  func recreateAgentSlot(_ agent: MemoryView, at address: UInt64) throws(KVMError) {
    let place = GuestPhysicalAddress(truncating: address)
    try machine.deleteMemorySlot(Self.agentSlot, at: place)
    // SAFETY: the owner of the memory outlives the guest.
    try unsafe machine.setMemorySlot(
      Self.agentSlot, at: place, memory: agent.baseAddress, byteCount: agent.byteCount)
  }
}
