// FaultFinder: which exception of a kernel came first, and which access it was of.

import MMU

/// Looks for the first exception of a kernel's end.
struct FaultFinder<Memory: PhysicalMemory> {
  let outcome: BootOutcome
  var registers: GuestRegisters
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
  var record: FaultRecord? { outcome.faults?.lastChain.first }

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
    case .machineError:
      // A host whose processor does not look at the reserved bits cannot enter the guest afterwards.
      if let bits = reservedBitsLoaded() {
        result.cause = .reservedBitsInCR3(bits)
        result.notes.append("that KVM gave up at the load of CR3 at RIP is assumed")
      } else {
        result.cause = .stopped
      }
      return
    case .guestExit, .reset, .interrupted:
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
  var frameOnStack: UInt64? {
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
  var hasPageFaulted: Bool {
    outcome.initialCR2.map { $0 != registers.cr2 } ?? false
  }

  /// An exception that the machine told of.
  mutating func explain(_ record: FaultRecord) {
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

  /// What the address of a fault was used for.
  func role(of address: UInt64, _ record: FaultRecord) -> AccessRole {
    if record.accessKind == .fetch || address &- record.rip < 15 && address == record.rip {
      return isHandler(record.rip) ? .handler : .code
    }
    let distance = record.rsp &- address
    if distance <= 64 && distance > 0 || usesStack && address &- record.rsp < 64 { return .stack }
    return .data
  }

  /// True for the address of an exception's handler.
  func isHandler(_ address: UInt64) -> Bool {
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

  mutating func take(
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
