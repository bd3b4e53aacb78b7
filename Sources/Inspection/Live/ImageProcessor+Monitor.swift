// The registers of a processor as QEMU's monitor prints them.

extension ImageProcessor {
  /// What `info registers -a` printed, one processor after the other; those whose registers are not
  /// complete are left out at the end.
  ///
  /// Source: QEMU, target/i386/cpu-dump.c (x86_cpu_dump_state).
  static func processors(inRegisters text: String) -> [ImageProcessor] {
    var processors: [ImageProcessor] = []
    for part in text.split(separator: "CPU#").dropFirst() {
      guard let processor = ImageProcessor(registers: String(part)) else { break }
      processors.append(processor)
    }
    return processors
  }

  /// The registers of one processor; code in 32-bit mode has those of 8 digits, EIP and EFL among them.
  private init?(registers text: String) {
    func number(_ names: String...) -> UInt64? {
      for name in names {
        guard let range = text.firstRange(of: name) else { continue }
        return UInt64(text[range.upperBound...].prefix { $0.isHexDigit }, radix: 16)
      }
      return nil
    }
    guard let instruction = number("RIP=", "EIP="), let stack = number("RSP=", "ESP="),
      let flags = number("RFL=", "EFL="), let cpl = number("CPL="), let cr0 = number("CR0="),
      let cr2 = number("CR2="), let cr3 = number("CR3="), let cr4 = number("CR4=")
    else { return nil }
    func line(_ name: String) -> SegmentRegister? {
      guard let range = text.firstRange(of: name) else { return nil }
      let words = text[range.upperBound...].prefix { $0 != "\n" }.split(separator: " ")
      let numbers = words.prefix { UInt64($0, radix: 16) != nil }.compactMap {
        UInt64($0, radix: 16)
      }
      let isTable = name.hasPrefix("GDT") || name.hasPrefix("IDT")
      guard numbers.count >= (isTable ? 2 : 4) else { return nil }
      let values = isTable ? [0] + numbers[..<2] + [0] : numbers
      return SegmentRegister(
        selector: UInt32(truncatingIfNeeded: values[0]),
        limit: UInt32(truncatingIfNeeded: values[2]), flags: UInt32(truncatingIfNeeded: values[3]),
        base: values[1])
    }
    var segments: ProcessorSegments?
    if let code = line("CS ="), let task = line("TR ="), let global = line("GDT="),
      let interrupt = line("IDT=")
    {
      segments = ProcessorSegments(
        code: code, task: task, globalDescriptorTable: global, interruptDescriptorTable: interrupt)
    }
    self.init(
      source: .qemuMonitor, cr0: cr0, cr2: cr2, cr3: cr3, cr4: cr4,
      instructionPointer: instruction, stackPointer: stack, flags: flags,
      currentPrivilegeLevel: UInt8(truncatingIfNeeded: cpl & 3), efer: number("EFER="),
      pageAttributeTable: nil, segments: segments)
  }
}
