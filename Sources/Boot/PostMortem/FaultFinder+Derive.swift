// FaultFinder, deriving: an exception of which only registers and tables tell.

import MMU

extension FaultFinder {
  /// An exception of which only registers tell.
  mutating func derive() {
    let rip = registers.rip
    if let failure = linear.failure(Access(.fetch), at: rip) {
      result.vector = failure.reason == .notCanonical ? 13 : 14
      return take(
        rip, .fetch, isKindKnown: true, role: isHandler(rip) ? .handler : .code,
        evidence: .derived)
    }
    if let bits = reservedBitsLoaded() {
      result.vector = 13
      result.cause = .reservedBitsInCR3(bits)
      result.notes.append(
        "that the load of CR3 raised #GP is assumed: the instruction at RIP is one, with these bits"
      )
      return deliver(13)
    }
    if outcome.areRegistersErased { return deriveFromInstruction() }
    let address = registers.cr2
    if let initial = outcome.initialCR2, initial == address {
      result.notes.append("CR2 was never written: it was not a page fault")
      if takeNonCanonical(.derived) {
        result.vector = 13
      } else if let vector = vectorOfInstruction {
        result.vector = vector
      } else {
        result.notes.append("delivery is shown as that of #GP")
      }
      return
    }
    // The instruction that the processor stands at did not touch what CR2 names: another one faulted
    // there before, and went on.
    // In a handler the registers are not those of the instruction any more.
    let isThere = result.instruction == rip
    if isThere, let vector = vectorOfInstruction {
      result.vector = vector
      result.notes.append("CR2 holds the address of an older page fault")
      return
    }
    if isThere, takeNonCanonical(.derived) {
      result.vector = 13
      result.notes.append("CR2 holds the address of an older page fault")
      return
    }
    let isOnStack =
      isThere
      && (registers.rsp &- address &- 1 < 64 || usesStack && address &- registers.rsp < 64)
    let operand =
      isThere ? MemoryOperand(result.instructionBytes, registers.general)?.address : nil
    let isOperand = operand.map { address &- $0 < 64 } ?? false
    if !isOperand, outcome.end == .tripleFault, Delivery(14, registers, in: linear).obstacle == nil
    {
      result.notes.append(
        "CR2 holds the address of an older page fault: nothing stops the delivery of one now")
      return
    }
    let hasIDT = registers.idt.limit >= 15 && !registers.idt.isThatOfReset
    let isDelivery =
      hasIDT && address &- registers.idt.base <= UInt64(registers.idt.limit)
      || address &- registers.gdt.base <= UInt64(registers.gdt.limit)
      // The TSS of 64-bit mode has 104 bytes. Source: Intel SDM volume 3A, section 9.7.
      || hasIDT && address &- registers.tr.base < 104 || isHandler(address)
    let isPush = isThere && registers.rsp &- address &- 1 < 64
    if isThere && !isOperand && (isDelivery || isPush && !usesStack) {
      result.notes.append(
        "CR2 holds what the delivery of an exception uses: that it was written then is assumed, which "
          + "access came first is not known, and delivery is shown as that of #PF")
      shownVector = 14
      return
    }
    if operand != nil, !isOperand, !(usesStack && isOnStack) {
      result.notes.append(
        "CR2 holds the address of an older page fault: the instruction uses another one")
      return
    }
    let write = linear.failure(Access(.write), at: address)
    let read = linear.failure(Access(.read), at: address)
    guard write != nil || read != nil else {
      result.notes.append(
        "CR2 holds an address that the tables let be read and written: an older page fault's, or the "
          + "tables changed")
      if outcome.initialCR2 != nil && outcome.end == .endlessFault {
        result.cause = .staleTranslation
      }
      return
    }
    result.vector = 14
    let isCertain = outcome.initialCR2 != nil && (isOperand || usesStack && isOnStack)
    if !isCertain {
      result.notes.append("that CR2 is of this exception is assumed: it may be an older one's")
    }
    let isWrite = read == nil || isPush
    take(
      address, isWrite ? .write : .read, isKindKnown: read == nil || isPush,
      role: isPush || usesStack && isOnStack ? .stack : .data,
      evidence: isCertain ? .derived : .assumed)
  }

  /// An exception of an instruction that has not been executed yet: what its operands lead to in the
  /// tables.
  private mutating func deriveFromInstruction() {
    result.notes.append(
      "KVM of this host takes the registers away at a triple fault: these are from a repetition of the "
        + "boot, before its last instruction")
    if takeNonCanonical(.derived) {
      result.vector = 13
      return
    }
    if let vector = vectorOfInstruction {
      result.vector = vector
      return
    }
    if goesToLowerPrivilege() {
      result.vector = 14
      return take(
        registers.rip, .fetch, isKindKnown: true, role: .code, evidence: .derived)
    }
    let operand = MemoryOperand(result.instructionBytes, registers.general)
    var uses: [(address: UInt64, kind: AccessKind, role: AccessRole)] = []
    if let operand {
      uses.append((operand.address, operand.isWritten ? .write : .read, .data))
    }
    if let stackAccess { uses.append((stackAccess.address, stackAccess.kind, .stack)) }
    if let target = jumpTarget(result.instructionBytes) { uses.append((target, .fetch, .code)) }
    for use in uses where linear.failure(Access(use.kind), at: use.address) != nil {
      if Delivery(14, registers, in: linear).obstacle == nil {
        result.notes.append(
          "its access fails, and nothing stops the delivery of that page fault: the guest died in its "
            + "handler, where single steps did not lead")
        return
      }
      result.vector = 14
      return take(
        use.address, use.kind, isKindKnown: true, role: use.role, evidence: .derived)
    }
    result.notes.append(
      "its operands do not fail by the tables: which exception it raised is not known")
  }

  /// True for IRETQ to code that may not be fetched there; then the registers are those behind it.
  ///
  /// A host may execute it and go on without a stop in between.
  ///
  /// Source: Intel SDM volume 2A, IRET (RIP, CS, RFLAGS, RSP and SS are popped).
  private mutating func goesToLowerPrivilege() -> Bool {
    guard result.instructionBytes.starts(with: [0x48, 0xcf]),
      let rip = linear.word(at: registers.rsp), let cs = linear.word(at: registers.rsp &+ 8),
      let rsp = linear.word(at: registers.rsp &+ 24)
    else { return false }
    let cpl = UInt8(truncatingIfNeeded: cs & 3)
    var mode = linear.mode
    mode.privilege = cpl == 3 ? .user : .supervisor
    let target = LinearMemory(memory: linear.memory, tables: linear.tables, mode: mode)
    guard target.failure(Access(.fetch), at: rip) != nil else { return false }
    registers.rip = rip
    registers.rsp = rsp
    registers.cpl = cpl
    result.instruction = rip
    result.instructionBytes = []
    result.notes.append("the last instruction was the IRETQ that goes there")
    return true
  }
}
