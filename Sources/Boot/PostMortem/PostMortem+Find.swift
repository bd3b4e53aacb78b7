// PostMortem, finding: which exception came first, and what its cause is.

package import MMU

extension PostMortem {
  /// What `outcome` says of a kernel whose memory is `memory`.
  ///
  /// `first` are the tables that it was started on, nil where it made its own; `code` is where in
  /// physical memory its code is.
  ///
  /// - Complexity: that of ``AccessQuestion/diagnosis(in:uses:)``.
  package init<Memory: PhysicalMemory>(
    _ outcome: BootOutcome, memory: Memory, first: PageTables? = nil,
    code: [Range<UInt64>] = []
  ) {
    guard let registers = outcome.registers else {
      cause = outcome.areRegistersErased ? .unknown : .stopped
      if outcome.areRegistersErased {
        notes.append(
          "KVM of this host sets the processor back at a triple fault, and its registers are gone: "
            + "--machine qemu keeps them")
      }
      return
    }
    instruction = registers.rip
    guard registers.isPagingOn else {
      if outcome.end == .cannotExecute {
        cause = .cannotExecute
        instructionBytes = Self.bytes(at: registers.rip, in: memory)
        return
      }
      instructionBytes = Self.bytes(at: registers.rip, in: memory)
      notes.append(
        loadsControlRegister
          ? "paging is off (CR0.PG is clear), and the instruction at RIP loads a control register: the "
            + "processor may have refused what it loads, or the tables that paging would begin with"
          : "paging is off (CR0.PG is clear): the tables have nothing to do with it")
      note(outcome)
      return
    }
    guard registers.isLongMode, let configuration = outcome.processor.configuration(registers)
    else {
      notes.append("the paging is that of 32-bit mode or PAE, which kvmpt does not read")
      note(outcome)
      return
    }
    var finder = FaultFinder(
      outcome: outcome, registers: registers,
      linear: LinearMemory(
        memory: memory, tables: PageTables(cr3: registers.cr3, configuration: configuration),
        mode: registers.mode),
      first: first, code: code)
    finder.find()
    self = finder.result
    instruction = instruction ?? registers.rip
  }

  /// The bytes of an instruction with paging off and flat segments, where RIP is a physical address.
  private static func bytes<Memory: PhysicalMemory>(
    at address: UInt64, in memory: Memory
  ) -> [UInt8] {
    (0..<15 as Range<UInt64>).compactMap { offset in
      let place = address &+ offset
      guard place >> 52 == 0 else { return nil }
      return memory.loadWord(at: GuestPhysicalAddress(truncating: place & ~7)).map {
        UInt8(truncatingIfNeeded: $0 >> (place & 7 * 8))
      }
    }
  }

  /// The instruction is MOV to a control register.
  ///
  /// Source: Intel SDM volume 2B, MOV to control registers.
  private var loadsControlRegister: Bool { instructionBytes.starts(with: [0x0f, 0x22]) }

  private mutating func note(_ outcome: BootOutcome) {
    if let record = outcome.faults?.lastChain.first {
      vector = record.vector
      errorCode = record.errorCode
      instruction = record.rip
      // A page fault comes from tables, here from such as are not read.
      cause = record.vector == 14 ? .unknown : .otherException(record.vector)
    }
  }
}

/// Looks for the first exception of a kernel's end.
struct FaultFinder<Memory: PhysicalMemory> {
  let outcome: BootOutcome
  let registers: GuestRegisters
  let linear: LinearMemory<Memory>
  let first: PageTables?
  let code: [Range<UInt64>]
  var result = PostMortem()
  /// The vector whose delivery is shown where it is not known which it was: #GP, or #PF where there was
  /// one.
  var shownVector: UInt8 = 13

  init(
    outcome: BootOutcome, registers: GuestRegisters, linear: LinearMemory<Memory>,
    first: PageTables?, code: [Range<UInt64>]
  ) {
    self.outcome = outcome
    self.registers = registers
    self.linear = linear
    self.first = first
    self.code = code
  }

  /// The state at the exception: that of the record, where the machine told one.
  private var record: FaultRecord? { outcome.faults?.lastChain.first }

  mutating func find() {
    result.instruction = record?.rip ?? registers.rip
    let rip = result.instruction ?? 0
    result.instructionBytes = linear.bytes(Access(.fetch), at: rip, count: 15)
    if result.instructionBytes.isEmpty, let first {
      result.instructionBytes = LinearMemory(
        memory: linear.memory, tables: first, mode: linear.mode
      ).bytes(Access(.fetch), at: rip, count: 15)
      if !result.instructionBytes.isEmpty {
        result.notes.append(
          "the bytes of the instruction are those that the tables of the start map there")
      }
    }
    switch outcome.end {
    case .cannotExecute:
      result.cause = .cannotExecute
      return
    case .guestExit, .reset, .machineError, .interrupted:
      result.cause = .stopped
      return
    case .halted, .timeLimit:
      // A load of CR3 with reserved bits is one that QEMU's emulator does not come back from; after HLT,
      // RIP is that of an instruction that was not executed.
      if outcome.end == .timeLimit, let bits = reservedBitsLoaded() {
        result.cause = .reservedBitsInCR3(bits)
        result.notes.append("that the guest hangs at the load of CR3 at RIP is assumed")
        return
      }
      guard record != nil || hasPageFaulted else {
        result.cause = .stopped
        result.notes.append("no exception is known of")
        return
      }
      // Of a handled exception the frame is gone, or lies below the stack pointer.
      guard let origin = frameOnStack else {
        result.cause = .stopped
        result.instruction = registers.rip
        result.instructionBytes = linear.bytes(Access(.fetch), at: registers.rip, count: 15)
        result.notes.append(
          "there were exceptions before, and no frame of one is on the stack: the guest went on after them"
        )
        return
      }
      result.instruction = origin
      result.instructionBytes = linear.bytes(Access(.fetch), at: origin, count: 15)
      result.notes.append(
        "the guest stopped with the frame of this exception on its stack: in its handler, it seems")
    case .tripleFault, .endlessFault: break
    }
    if let record { explain(record) } else { derive() }
    if outcome.end == .halted || outcome.end == .timeLimit {
      // Of what a guest survived, only an access that would fail again says something.
      guard let access = result.access, access.diagnosis.explanation.blame != nil else {
        result.cause = .stopped
        return
      }
    }
    if result.cause == .unknown { decide() }
  }

  /// Where the frame of an exception on the stack leads back to: that of the machine's record, where there
  /// is one, or the one nearest to the stack pointer; nil where there is none.
  ///
  /// Source: Intel SDM volume 3A, section 7.14.2 (RIP, CS, RFLAGS, RSP).
  private var frameOnStack: UInt64? {
    let words = (0..<512 as Range<UInt64>).map { linear.word(at: registers.rsp &+ $0 * 8) }
    for index in 0..<words.count - 3 {
      guard let rip = words[index], let cs = words[index + 1], cs != 0, cs < 1 << 16,
        let flags = words[index + 2], flags & 2 != 0, flags >> 22 == 0,
        let rsp = words[index + 3]
      else { continue }
      guard let record else { return rip }
      if rip == record.rip && rsp == record.rsp { return rip }
    }
    return nil
  }

  /// CR2 is not what it was at the start.
  private var hasPageFaulted: Bool {
    outcome.initialCR2.map { $0 != registers.cr2 } ?? false
  }

  /// An exception that the machine told of.
  private mutating func explain(_ record: FaultRecord) {
    result.vector = record.vector
    result.errorCode = record.errorCode
    if record.vector == 14, let address = record.cr2 {
      take(
        address, record.accessKind, isKindKnown: true, role: role(of: address, record),
        evidence: .told)
    } else if record.vector == 12 || record.vector == 13 {
      takeNonCanonical(.told)
    }
  }

  /// The address of the instruction that is not canonical; false where it uses none.
  ///
  /// Source: Intel SDM volume 1, section 3.3.7.1 (#GP or #SS).
  @discardableResult
  private mutating func takeNonCanonical(_ evidence: Evidence) -> Bool {
    let width = linear.tables.configuration.linearAddressWidth
    let bytes = result.instructionBytes
    func isWrong(_ address: UInt64?) -> UInt64? {
      address.flatMap { width.isCanonical($0) ? nil : $0 }
    }
    // QEMU's emulator goes to the address first, and raises the exception there.
    if let target = isWrong(result.instruction) ?? isWrong(jumpTarget(bytes)) {
      take(target, .fetch, isKindKnown: true, role: .code, evidence: evidence)
    } else if usesStack, let rsp = isWrong(registers.rsp) {
      take(rsp, .read, isKindKnown: false, role: .stack, evidence: evidence)
    } else if let address = isWrong(MemoryOperand(bytes, registers.general)?.address) {
      take(address, .read, isKindKnown: false, role: .data, evidence: evidence)
    } else {
      return false
    }
    return true
  }

  /// Where JMP or CALL through a register, or RET, leads; nil for other instructions.
  private func jumpTarget(_ bytes: [UInt8]) -> UInt64? {
    var bytes = bytes[...]
    var extended = 0
    if let prefix = bytes.first, prefix >> 4 == 4 {
      extended = Int(prefix & 1) * 8
      bytes = bytes.dropFirst()
    }
    switch bytes.first {
    case 0xc3: return linear.word(at: registers.rsp)
    case 0xff:
      guard let modifier = bytes.dropFirst().first, modifier >> 6 == 3,
        [2, 4].contains(modifier >> 3 & 7)
      else { return nil }
      return registers.general[Int(modifier & 7) + extended]
    default: return nil
    }
  }

  /// What the address of a fault was used for.
  private func role(of address: UInt64, _ record: FaultRecord) -> AccessRole {
    if record.accessKind == .fetch || address &- record.rip < 15 && address == record.rip {
      return isHandler(record.rip) ? .handler : .code
    }
    let distance = record.rsp &- address
    if distance <= 64 && distance > 0 || usesStack && address &- record.rsp < 64 { return .stack }
    return .data
  }

  /// True for the address of an exception's handler.
  private func isHandler(_ address: UInt64) -> Bool {
    (0..<32).contains { (vector: UInt64) in
      let offset = vector * 16
      guard UInt64(registers.idt.limit) >= offset + 15,
        let low = linear.word(at: registers.idt.base &+ offset), low >> 47 & 1 != 0,
        let high = linear.word(at: registers.idt.base &+ offset &+ 8)
      else { return false }
      let handler = low & 0xffff | (low >> 48 & 0xffff) << 16 | (high & 0xffff_ffff) << 32
      return handler == address
    }
  }

  /// The instruction pushes, pops, calls or returns.
  ///
  /// Source: Intel SDM volume 2D, appendix A, table A-2 (one-byte opcodes).
  private var usesStack: Bool {
    var bytes = result.instructionBytes[...]
    while let byte = bytes.first, byte >> 4 == 4 || byte == 0x66 { bytes = bytes.dropFirst() }
    guard let opcode = bytes.first else { return false }
    switch opcode {
    case 0x50...0x5f, 0x68, 0x6a, 0x8f, 0x9c, 0x9d, 0xc2, 0xc3, 0xc8, 0xc9, 0xca, 0xcb, 0xcf, 0xe8:
      return true
    // CALL and PUSH of group 5.
    case 0xff: return bytes.dropFirst().first.map { [2, 3, 6].contains($0 >> 3 & 7) } ?? false
    default: return false
    }
  }

  /// An exception of which only registers tell.
  private mutating func derive() {
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

  /// The reserved bits of what the instruction at RIP loads into CR3; nil when it does not, or when
  /// there are none.
  ///
  /// Source: Intel SDM volume 2B, MOV to control registers, and volume 3A, section 2.5 (CR3).
  private func reservedBitsLoaded() -> UInt64? {
    var bytes = result.instructionBytes[...]
    var extension8 = 0
    if let prefix = bytes.first, prefix >> 4 == 4 {
      extension8 = Int(prefix & 1) * 8
      guard prefix & 4 == 0 else { return nil }
      bytes = bytes.dropFirst()
    }
    guard bytes.starts(with: [0x0f, 0x22]), let modifier = bytes.dropFirst(2).first,
      modifier >> 3 & 7 == 3
    else { return nil }
    let value = registers.general[Int(modifier & 7) + extension8]
    let width = UInt64(linear.tables.configuration.physicalAddressWidth)
    // Bit 63 only with CR4.PCIDE.
    let bit63: UInt64 = registers.cr4 >> 17 & 1 != 0 ? 1 << 63 : 0
    let reserved = value & ~0 << width & ~bit63
    return reserved == 0 ? nil : reserved
  }

  /// The exception that the instruction raises whatever its operands are: UD0, UD1, UD2, INT3, INT1.
  ///
  /// Source: Intel SDM volume 2B, UD and INT.
  private var vectorOfInstruction: UInt8? {
    let bytes = result.instructionBytes
    switch (bytes.first, bytes.dropFirst().first) {
    case (0x0f, 0x0b), (0x0f, 0xb9), (0x0f, 0xff): return 6
    case (0xcc, _): return 3
    case (0xf1, _): return 1
    default: return nil
    }
  }

  private mutating func take(
    _ address: UInt64, _ kind: AccessKind, isKindKnown: Bool, role: AccessRole, evidence: Evidence
  ) {
    var mode = linear.mode
    let cpl = record?.cpl ?? registers.cpl
    mode.privilege = cpl == 3 ? .user : .supervisor
    let question = AccessQuestion(address, Access(kind), mode: mode, tables: linear.tables)
    result.access = FatalAccess(
      role: role, kind: kind, isKindKnown: isKindKnown, cpl: cpl,
      diagnosis: question.diagnosis(in: linear.memory), evidence: evidence)
  }

  mutating func deliver(_ vector: UInt8) {
    var state = registers
    if let record {
      state.cpl = record.cpl
      state.rsp = record.rsp
    }
    let one = Delivery(vector, state, in: linear)
    result.delivery = one.steps
    if vector != 8, one.obstacle != nil {
      result.delivery += Delivery(8, state, in: linear).steps
    }
  }
}
