// VirtualCPU: the registers of a guest's processor, and running it.

public import CKVM
internal import CLinux
public import MMU

/// A virtual CPU.
///
/// Source: KVM API document, section 4, vCPU ioctls.
public struct VirtualCPU: ~Copyable, Sendable {
  let descriptor: FileDescriptor
  let shared: SharedRun

  /// RAX to R15, RIP and RFLAGS.
  ///
  /// - Throws: ``KVMError/call(_:errorNumber:)`` when KVM_GET_REGS fails.
  public func registers() throws(KVMError) -> kvm_regs {
    var registers = kvm_regs()
    // SAFETY: the kernel fills the structure.
    _ = try checked(unsafe ckvm_get_regs(descriptor.number, &registers), .getRegisters)
    return registers
  }

  /// Sets RAX to R15, RIP and RFLAGS.
  ///
  /// - Throws: ``KVMError/call(_:errorNumber:)`` when KVM_SET_REGS fails.
  public func setRegisters(_ registers: kvm_regs) throws(KVMError) {
    var copy = registers
    // SAFETY: the kernel reads the structure.
    _ = try checked(unsafe ckvm_set_regs(descriptor.number, &copy), .setRegisters)
  }

  /// Segments, descriptor tables, control registers and EFER.
  ///
  /// - Throws: ``KVMError/call(_:errorNumber:)`` when KVM_GET_SREGS fails.
  public func specialRegisters() throws(KVMError) -> kvm_sregs {
    var registers = kvm_sregs()
    // SAFETY: the kernel fills the structure.
    _ = try checked(unsafe ckvm_get_sregs(descriptor.number, &registers), .getSpecialRegisters)
    return registers
  }

  /// Sets segments, descriptor tables, control registers and EFER.
  ///
  /// - Throws: ``KVMError/call(_:errorNumber:)`` with EINVAL for a state that this KVM refuses,
  ///   such as CR4.LA57 on a host without 5-level paging.
  public func setSpecialRegisters(_ registers: kvm_sregs) throws(KVMError) {
    var copy = registers
    // SAFETY: the kernel reads the structure.
    _ = try checked(
      unsafe ckvm_set_sregs(descriptor.number, &copy),
      .setSpecialRegisters(
        cr0: registers.cr0, cr3: registers.cr3, cr4: registers.cr4, efer: registers.efer))
  }

  /// Shows `processor` to the guest.
  ///
  /// - Throws: ``KVMError/call(_:errorNumber:)`` when KVM_SET_CPUID2 refuses the leaves.
  public func setProcessor(_ processor: SupportedProcessor) throws(KVMError) {
    var leaves = processor.leaves
    // SAFETY: the structure holds as many entries as its count says.
    _ = try checked(
      unsafe ckvm_set_cpuid2(descriptor.number, &leaves),
      .setCPUID(entryCount: processor.leafCount))
  }

  /// Writes a model-specific register.
  ///
  /// - Throws: ``KVMError/call(_:errorNumber:)`` when KVM does not know the register or refuses the
  ///   value.
  public func setMSR(_ index: UInt32, to value: UInt64) throws(KVMError) {
    _ = try checked(
      ckvm_set_msr(descriptor.number, index, value), .setMSR(index: index, value: value))
  }

  /// Sets PKRU, which lies `offset` bytes into the XSAVE area.
  ///
  /// - Throws: ``KVMError/call(_:errorNumber:)`` when KVM_GET_XSAVE or KVM_SET_XSAVE fails.
  public func setPKRU(_ value: UInt32, offset: UInt32) throws(KVMError) {
    _ = try checked(ckvm_set_pkru(descriptor.number, offset, value), .setPKRU(value))
  }

  /// KVM's own answer to where `linearAddress` leads, or nil where it does not.
  ///
  /// It answers addresses only: rights are always reported as writable and supervisor.
  ///
  /// - Throws: ``KVMError/call(_:errorNumber:)`` when KVM_TRANSLATE fails.
  public func translate(_ linearAddress: UInt64) throws(KVMError) -> GuestPhysicalAddress? {
    var translation = kvm_translation()
    translation.linear_address = linearAddress
    // SAFETY: the kernel reads the address and fills in the rest.
    _ = try checked(
      unsafe ckvm_translate(descriptor.number, &translation), .translate(linearAddress))
    guard translation.valid != 0 else { return nil }
    return GuestPhysicalAddress(truncating: translation.physical_address)
  }

  /// What ends a run of this vCPU from another thread.
  public var kick: VirtualCPUKick { VirtualCPUKick(shared: shared) }

  /// Lets the guest find a non-maskable interrupt when it runs next.
  ///
  /// - Throws: ``KVMError/call(_:errorNumber:)`` when KVM_NMI fails.
  ///
  /// Source: KVM API document, section 4.64.
  public mutating func injectNMI() throws(KVMError) {
    _ = try checked(ckvm_nmi(descriptor.number), .injectNMI)
  }

  /// Runs the guest until it exits or is kicked, at most for `limit`.
  ///
  /// - Throws: ``KVMError/call(_:errorNumber:)`` when KVM_RUN fails for a reason other than the
  ///   limit, such as EAGAIN where KVM cannot start a thread that it needs before the guest runs.
  ///
  /// Source: KVM API document, sections 4.10 and 5.
  public mutating func run(limit: Duration) throws(KVMError) -> Exit {
    let timer = try KickTimer()
    try timer.arm(limit: limit)
    defer { timer.disarm() }
    let number = descriptor.number
    shared.beginRun()
    defer { shared.endRun() }
    switch try RunWait(limit: limit).callUntilExit(takeKick: shared.takeKick, { ckvm_run(number) })
    {
    case .exited: return exit()
    case .limitReached: return .timeLimitReached
    case .kicked: return .kicked
    }
  }

  /// The value that a guest's read of absent memory gets when it runs again.
  public mutating func answerMMIORead(_ value: UInt64) {
    // SAFETY: the structure is mapped as long as this value lives, and the guest does not run.
    unsafe withUnsafeBytes(of: value.littleEndian) { bytes in
      unsafe withUnsafeMutableBytes(of: &shared.run.pointee.mmio.data) { data in
        unsafe data.copyBytes(from: bytes)
      }
    }
  }

  private func exit() -> Exit {
    // SAFETY: the structure is mapped as long as this value lives, and the guest does not run; the
    // member of the union that is read is the one that the reason names.
    let run = unsafe shared.run
    switch unsafe Int32(truncatingIfNeeded: run.pointee.exit_reason) {
    case KVM_EXIT_IO:
      let access = unsafe run.pointee.io
      guard Int32(access.direction) == KVM_EXIT_IO_OUT else {
        return .portRead(port: access.port, byteCount: access.size)
      }
      return .portWrite(
        port: access.port, byteCount: access.size,
        value: shared.portData(at: access.data_offset, byteCount: access.size))
    case KVM_EXIT_MMIO:
      let access = unsafe run.pointee.mmio
      let address = GuestPhysicalAddress(truncating: access.phys_addr)
      let byteCount = UInt8(truncatingIfNeeded: access.len)
      guard access.is_write != 0 else {
        return .mmioRead(address: address, byteCount: byteCount)
      }
      let value = unsafe withUnsafeBytes(of: access.data) { unsafe $0.load(as: UInt64.self) }
      let mask: UInt64 = byteCount >= 8 ? .max : (1 << (8 * UInt64(byteCount))) - 1
      return .mmioWrite(address: address, byteCount: byteCount, value: value & mask)
    case KVM_EXIT_HLT: return .halted
    case KVM_EXIT_SHUTDOWN: return .shutdown
    case KVM_EXIT_FAIL_ENTRY:
      return .entryFailed(
        hardwareReason: unsafe run.pointee.fail_entry.hardware_entry_failure_reason)
    case KVM_EXIT_INTERNAL_ERROR:
      return .internalError(suberror: unsafe run.pointee.`internal`.suberror)
    case KVM_EXIT_DEBUG: return .debug
    default: return .other(reason: unsafe run.pointee.exit_reason)
    }
  }
}
