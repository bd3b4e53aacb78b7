// KVMCall: a system call with its arguments, as an error reports it.

/// The system calls of this library, with the arguments that matter to a reader of an error.
public enum KVMCall: Hashable, Sendable, CustomStringConvertible {
  /// open of the device file.
  case openDevice(path: String)
  /// KVM_CREATE_VM.
  case createVirtualMachine
  /// KVM_CREATE_VCPU, with its identifier.
  case createVirtualCPU(identifier: Int)
  /// mmap of the `kvm_run` structure of a vCPU.
  case mapRunStructure(byteCount: Int64)
  /// KVM_GET_SUPPORTED_CPUID.
  case getSupportedCPUID
  /// KVM_SET_CPUID2, with the number of its entries.
  case setCPUID(entryCount: Int)
  /// KVM_SET_USER_MEMORY_REGION: creates a memory slot, or deletes it where `byteCount` is 0.
  case setMemoryRegion(slot: UInt32, guestPhysicalAddress: UInt64, byteCount: UInt64)
  /// KVM_SET_NR_MMU_PAGES, with the number of pages.
  case setShadowPageCount(Int)
  /// KVM_GET_REGS.
  case getRegisters
  /// KVM_SET_REGS.
  case setRegisters
  /// KVM_GET_SREGS.
  case getSpecialRegisters
  /// KVM_SET_SREGS, with the registers that decide about paging.
  case setSpecialRegisters(cr0: UInt64, cr3: UInt64, cr4: UInt64, efer: UInt64)
  /// KVM_SET_MSRS of one register.
  case setMSR(index: UInt32, value: UInt64)
  /// KVM_GET_MSRS of one register.
  case getMSR(index: UInt32)
  /// KVM_GET_XSAVE.
  case getExtendedState
  /// KVM_SET_XSAVE.
  case setExtendedState
  /// KVM_GET_VCPU_EVENTS.
  case getEvents
  /// KVM_SET_VCPU_EVENTS.
  case setEvents
  /// KVM_SET_GUEST_DEBUG.
  case setSingleStep(Bool)
  /// KVM_SET_XSAVE, to set PKRU.
  case setPKRU(UInt32)
  /// KVM_TRANSLATE of a linear address.
  case translate(UInt64)
  /// KVM_NMI.
  case injectNMI
  /// KVM_RUN.
  case run
  /// timer_create, for the time limit of KVM_RUN.
  case createTimer
  /// timer_settime, for the time limit of KVM_RUN.
  case setTimer

  /// The call as the manual writes it, such as `KVM_SET_MSRS(0x277, 0x70106)`.
  public var description: String {
    switch self {
    case .openDevice(let path): "open(\(path))"
    case .createVirtualMachine: "KVM_CREATE_VM"
    case .createVirtualCPU(let identifier): "KVM_CREATE_VCPU(\(identifier))"
    case .mapRunStructure(let byteCount): "mmap(kvm_run, \(byteCount) bytes)"
    case .getSupportedCPUID: "KVM_GET_SUPPORTED_CPUID"
    case .setCPUID(let count): "KVM_SET_CPUID2(\(count) entries)"
    case .setMemoryRegion(let slot, let address, let byteCount):
      "KVM_SET_USER_MEMORY_REGION(slot \(slot), \(hexadecimal(address)), \(byteCount) bytes)"
    case .setShadowPageCount(let count): "KVM_SET_NR_MMU_PAGES(\(count))"
    case .getRegisters: "KVM_GET_REGS"
    case .setRegisters: "KVM_SET_REGS"
    case .getSpecialRegisters: "KVM_GET_SREGS"
    case .setSpecialRegisters(let cr0, let cr3, let cr4, let efer):
      "KVM_SET_SREGS(CR0 \(hexadecimal(cr0)), CR3 \(hexadecimal(cr3)),"
        + " CR4 \(hexadecimal(cr4)), EFER \(hexadecimal(efer)))"
    case .setMSR(let index, let value):
      "KVM_SET_MSRS(\(hexadecimal(UInt64(index))), \(hexadecimal(value)))"
    case .getMSR(let index): "KVM_GET_MSRS(\(hexadecimal(UInt64(index))))"
    case .getExtendedState: "KVM_GET_XSAVE"
    case .setExtendedState: "KVM_SET_XSAVE"
    case .getEvents: "KVM_GET_VCPU_EVENTS"
    case .setEvents: "KVM_SET_VCPU_EVENTS"
    case .setSingleStep(let isOn): "KVM_SET_GUEST_DEBUG(single-step \(isOn ? "on" : "off"))"
    case .setPKRU(let value): "KVM_SET_XSAVE(PKRU \(hexadecimal(UInt64(value))))"
    case .translate(let address): "KVM_TRANSLATE(\(hexadecimal(address)))"
    case .injectNMI: "KVM_NMI"
    case .run: "KVM_RUN"
    case .createTimer: "timer_create"
    case .setTimer: "timer_settime"
    }
  }

  func hint(errorNumber: Int32) -> String {
    switch (self, SystemErrorName(errorNumber).name) {
    case (.createVirtualMachine, "EBUSY"):
      "another hypervisor uses the processor's virtualization: stop it"
    case (.run, "EAGAIN"), (.createVirtualMachine, "EAGAIN"):
      "KVM may not start a thread of its own: raise the limit of processes (ulimit -u, or pids.max"
        + " of the control group)"
    case (.createTimer, "EAGAIN"): "raise the limit of pending signals: ulimit -i 4096"
    case (_, "EMFILE"): "raise the limit of open files: ulimit -n 4096"
    case (_, "ENFILE"): "the system has no free file descriptors: close other programs"
    case (_, "ENOMEM"): "the host has no memory left: use less RAM or fewer virtual machines"
    case (.setMemoryRegion, "EEXIST"): "the range overlaps another memory slot"
    case (.setMemoryRegion, "EINVAL"):
      "the range must be page-aligned and lie within the guest's physical addresses"
    case (.setSpecialRegisters, "EINVAL"):
      "this KVM refuses the paging mode: kvmpt doctor says what it supports"
    default: "see what the kernel says (sudo dmesg | tail) and what kvmpt doctor finds to work"
    }
  }
}

/// A number as the manuals write it.
func hexadecimal(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }
