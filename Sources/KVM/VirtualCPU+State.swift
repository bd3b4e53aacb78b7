// VirtualCPU, state: all that a vCPU holds, to go on with in another one.

package import CKVM
internal import CLinux

/// What a vCPU holds at one moment.
///
/// The local APIC, the time-stamp counter and model-specific registers beside ``registerIndices`` are not
/// part of it.
package struct VirtualCPUState: Sendable {
  /// RAX to R15, RIP and RFLAGS.
  package var registers: kvm_regs
  /// Segments, descriptor tables, control registers and EFER.
  package var specialRegisters: kvm_sregs
  fileprivate var extended: kvm_xsave
  fileprivate var events: kvm_vcpu_events
  /// The values of those of ``registerIndices`` that KVM knows.
  package fileprivate(set) var modelSpecific: [UInt32: UInt64]

  /// STAR, LSTAR, CSTAR, FMASK, KERNEL_GS_BASE, SYSENTER_CS, SYSENTER_ESP, SYSENTER_EIP, PAT and TSC_AUX.
  ///
  /// Source: Intel SDM volume 4, table 2-2.
  package static let registerIndices: [UInt32] = [
    0xc000_0081, 0xc000_0082, 0xc000_0083, 0xc000_0084, 0xc000_0102, 0x174, 0x175, 0x176, 0x277,
    0xc000_0103,
  ]

  /// The x87, SSE and AVX registers as KVM gives them, 4 KiB.
  package var extendedBytes: [UInt8] {
    // SAFETY: the bytes of a value of plain integers.
    unsafe withUnsafeBytes(of: extended) { unsafe [UInt8]($0) }
  }
}

extension VirtualCPU {
  /// All that this vCPU holds.
  ///
  /// - Throws: ``KVMError/call(_:errorNumber:)`` when KVM does not tell it.
  ///
  /// Source: KVM API document, sections 4.11, 4.13, 4.18, 4.31 and 4.42.
  package func state() throws(KVMError) -> VirtualCPUState {
    let number = descriptor.number
    var extended = kvm_xsave()
    var events = kvm_vcpu_events()
    // SAFETY: the kernel fills the structures.
    _ = try checked(unsafe ckvm_get_xsave(number, &extended), .getExtendedState)
    // SAFETY: as above.
    _ = try checked(unsafe ckvm_get_vcpu_events(number, &events), .getEvents)
    var modelSpecific: [UInt32: UInt64] = [:]
    for index in VirtualCPUState.registerIndices {
      // A processor without the register has nothing to hand on.
      if let value = try? modelSpecificRegister(index) { modelSpecific[index] = value }
    }
    return VirtualCPUState(
      registers: try registers(), specialRegisters: try specialRegisters(), extended: extended,
      events: events, modelSpecific: modelSpecific)
  }

  /// Makes this vCPU hold what another one held.
  ///
  /// - Throws: ``KVMError/call(_:errorNumber:)`` when KVM refuses a part; the rest may be set then.
  ///
  /// Source: KVM API document, sections 4.12, 4.14, 4.19, 4.32 and 4.43.
  package mutating func setState(_ state: VirtualCPUState) throws(KVMError) {
    let number = descriptor.number
    try setSpecialRegisters(state.specialRegisters)
    try setRegisters(state.registers)
    var extended = state.extended
    // SAFETY: the kernel reads the structures.
    _ = try checked(unsafe ckvm_set_xsave(number, &extended), .setExtendedState)
    for (index, value) in state.modelSpecific { try setMSR(index, to: value) }
    var events = state.events
    // SAFETY: as above.
    _ = try checked(unsafe ckvm_set_vcpu_events(number, &events), .setEvents)
  }

  /// Reads a model-specific register.
  ///
  /// - Throws: ``KVMError/call(_:errorNumber:)`` when KVM does not know the register.
  ///
  /// Source: KVM API document, section 4.18.
  package func modelSpecificRegister(_ index: UInt32) throws(KVMError) -> UInt64 {
    var value: UInt64 = 0
    // SAFETY: the kernel fills the value.
    _ = try checked(
      unsafe ckvm_get_msr(descriptor.number, index, &value), .getMSR(index: index))
    return value
  }

  /// From the next run on, each instruction of the guest ends the run with ``Exit/debug``, or no longer.
  ///
  /// KVM steps by RFLAGS.TF, so that frames of exceptions which are pushed meanwhile may hold TF.
  ///
  /// - Throws: ``KVMError/call(_:errorNumber:)`` when KVM_SET_GUEST_DEBUG fails.
  ///
  /// Source: KVM API document, section 4.87.
  package mutating func setSingleStep(_ isOn: Bool) throws(KVMError) {
    _ = try checked(ckvm_set_single_step(descriptor.number, isOn ? 1 : 0), .setSingleStep(isOn))
  }
}
