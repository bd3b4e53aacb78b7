// Delivery: what the processor needs to deliver an exception, step by step.

package import MMU

/// One thing that the delivery of an exception needs, and what stopped it there.
package struct DeliveryStep: Sendable {
  /// What was needed, such as `the IDT's entry 14 at 0x6e0`.
  package let sentence: String
  /// The walk of it, where it has an address.
  package let walk: Walk?
  /// What is wrong, in one sentence; nil when nothing is.
  package let problem: String?
  /// The name of the problem.
  package let cause: BootCause?
  /// The entry and the bits that are to blame.
  package let blame: Blame?
}

/// The delivery of one exception, as far as it comes.
///
/// Source: Intel SDM volume 3A, sections 7.14 (exception handling in 64-bit mode) and 7.12.
struct Delivery {
  let vector: UInt8
  private(set) var steps: [DeliveryStep] = []

  /// The step that cannot be taken; nil when the handler's first instruction can be fetched.
  var obstacle: DeliveryStep? { steps.last { $0.cause != nil } }

  /// Goes through the delivery in the state of `registers`, whose CPL is that of the exception.
  init<Memory: PhysicalMemory>(
    _ vector: UInt8, _ registers: GuestRegisters, in memory: LinearMemory<Memory>
  ) {
    self.vector = vector
    run(registers, memory)
  }

  private mutating func run<Memory: PhysicalMemory>(
    _ registers: GuestRegisters, _ memory: LinearMemory<Memory>
  ) {
    let name = ExceptionVector.name(vector)
    let offset = UInt64(vector) * 16
    guard !registers.idt.isThatOfReset, UInt64(registers.idt.limit) >= offset + 15 else {
      let isNone = registers.idt.limit < 15 || registers.idt.isThatOfReset
      return steps.append(
        DeliveryStep(
          sentence: "the IDT's entry \(vector) for \(name)", walk: nil,
          problem: "the IDT at \(hexadecimal(registers.idt.base)) has the limit "
            + "\(hexadecimal(UInt64(registers.idt.limit)))"
            + (registers.idt.isThatOfReset ? ", as RESET leaves it" : ""),
          cause: isNone ? .noIDT : .shortIDT, blame: nil))
    }
    let place = registers.idt.base &+ offset
    let implicit = Access(.read, origin: .implicitSupervisor)
    let what = "the IDT's entry \(vector) for \(name), at \(hexadecimal(place))"
    guard passes(what, .idt, implicit, at: place, count: 16, memory),
      let low = memory.word(at: place), let high = memory.word(at: place &+ 8)
    else { return }
    guard low >> 47 & 1 != 0 else { return refuse("it is not present", .gateNotPresent) }
    let type = low >> 40 & 0x1f
    guard type == 0xe || type == 0xf else {
      return refuse("its type is \(type), and has to be 14 or 15", .gateType)
    }
    guard checkSelector(UInt16(truncatingIfNeeded: low >> 16), registers, memory) else { return }
    let stackTable = Int(low >> 32 & 7)
    guard let stack = stack(stackTable, registers, memory) else { return }
    let count: UInt64 = [8, 10, 11, 12, 13, 14, 17, 21].contains(vector) ? 48 : 40
    var pushing = memory
    pushing.mode.privilege = .supervisor
    let top = stack & ~0xf
    guard
      passes(
        "the stack, \(count) bytes below \(hexadecimal(top))", .stack,
        Access(.write, origin: .implicitSupervisor), at: top &- count, count: count, pushing)
    else { return }
    let handler = low & 0xffff | (low >> 48 & 0xffff) << 16 | (high & 0xffff_ffff) << 32
    _ = passes(
      "the handler at \(hexadecimal(handler))", .handler, Access(.fetch), at: handler, count: 1,
      pushing)
  }

  private mutating func refuse(_ problem: String, _ cause: BootCause) {
    guard let last = steps.popLast() else { return }
    steps.append(
      DeliveryStep(
        sentence: last.sentence, walk: last.walk, problem: problem, cause: cause, blame: nil))
  }

  /// Adds a step about an access; false when it fails.
  private mutating func passes<Memory: PhysicalMemory>(
    _ sentence: String, _ role: AccessRole, _ access: Access, at address: UInt64, count: UInt64,
    _ memory: LinearMemory<Memory>
  ) -> Bool {
    guard let failure = memory.failure(access, at: address, count: count) else {
      let question = AccessQuestion(address, access, mode: memory.mode, tables: memory.tables)
      steps.append(
        DeliveryStep(
          sentence: sentence, walk: question.walk(in: memory.memory), problem: nil, cause: nil,
          blame: nil))
      return true
    }
    steps.append(
      DeliveryStep(
        sentence: sentence, walk: failure.walk, problem: failure.blame.sentence,
        cause: .access(role, failure.reason), blame: failure.blame))
    return false
  }

  /// Source: Intel SDM volume 3A, sections 3.4.5 and 7.14.1 (the code segment of a handler has L = 1).
  private mutating func checkSelector<Memory: PhysicalMemory>(
    _ selector: UInt16, _ registers: GuestRegisters, _ memory: LinearMemory<Memory>
  ) -> Bool {
    let offset = UInt64(selector & ~7)
    let words = "the descriptor of selector \(hexadecimal(UInt64(selector)))"
    func refused(_ problem: String) -> DeliveryStep {
      DeliveryStep(
        sentence: words, walk: nil, problem: problem, cause: .gateSelector, blame: nil)
    }
    guard offset != 0, selector & 4 == 0 else {
      steps.append(refused("a handler needs a code segment of the GDT"))
      return false
    }
    guard UInt64(registers.gdt.limit) >= offset + 7 else {
      steps.append(
        refused("the GDT has the limit \(hexadecimal(UInt64(registers.gdt.limit)))"))
      return false
    }
    let place = registers.gdt.base &+ offset
    let implicit = Access(.read, origin: .implicitSupervisor)
    guard passes("\(words), at \(hexadecimal(place))", .gdt, implicit, at: place, count: 8, memory),
      let descriptor = memory.word(at: place)
    else { return false }
    // S, executable, P and L.
    guard descriptor >> 43 & 3 == 3, descriptor >> 47 & 1 != 0, descriptor >> 53 & 1 != 0 else {
      refuse("\(hexadecimal(descriptor)) is no present segment of 64-bit code", .gateSelector)
      return false
    }
    return true
  }

  /// The stack that the processor takes, or nil where the TSS does not give it.
  private mutating func stack<Memory: PhysicalMemory>(
    _ table: Int, _ registers: GuestRegisters, _ memory: LinearMemory<Memory>
  ) -> UInt64? {
    guard table != 0 || registers.cpl != 0 else { return registers.rsp }
    // RSP0 at offset 4, IST1 at 36. Source: Intel SDM volume 3A, section 9.7.
    let offset = table == 0 ? 4 : 28 + UInt64(table) * 8
    let name = table == 0 ? "RSP0" : "IST\(table)"
    let place = registers.tr.base &+ offset
    guard UInt64(registers.tr.limit) >= offset + 7 else {
      steps.append(
        DeliveryStep(
          sentence: "\(name) of the TSS", walk: nil,
          problem: "the TSS has the limit \(hexadecimal(UInt64(registers.tr.limit)))",
          cause: .access(.tss, .notMapped), blame: nil))
      return nil
    }
    let implicit = Access(.read, origin: .implicitSupervisor)
    guard
      passes(
        "\(name) of the TSS, at \(hexadecimal(place))", .tss, implicit, at: place, count: 8, memory)
    else { return nil }
    return memory.word(at: place)
  }
}
