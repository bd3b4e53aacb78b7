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
          "KVM of this host sets the processor back at a triple fault, its registers are gone, and the "
            + "boot could not be repeated to the same end: --machine qemu keeps them")
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
