// GuestRegisters, QEMU: what the monitor's `info registers` prints.

extension GuestRegisters {
  /// Reads what `info registers` printed; nil where a register is missing.
  ///
  /// Code in 32-bit mode has registers of 8 digits that are called EAX to EDI, EIP and EFL.
  ///
  /// Source: QEMU, target/i386/cpu-dump.c (x86_cpu_dump_state).
  package init?(infoRegisters text: String) {
    self.init()
    let names = [
      "AX", "CX", "DX", "BX", "SP", "BP", "SI", "DI", "8 ", "9 ", "10", "11", "12", "13", "14",
      "15",
    ]
    for (index, name) in names.enumerated() {
      if let value = Self.number(after: "R\(name)=", in: text)
        ?? Self.number(after: "E\(name)=", in: text)
      {
        general[index] = value
      } else if index < 8 {
        return nil
      }
    }
    guard let rip = Self.number(after: "RIP=", in: text) ?? Self.number(after: "EIP=", in: text),
      let rflags = Self.number(after: "RFL=", in: text) ?? Self.number(after: "EFL=", in: text),
      let cpl = Self.number(after: "CPL=", in: text),
      let cr0 = Self.number(after: "CR0=", in: text),
      let cr2 = Self.number(after: "CR2=", in: text),
      let cr3 = Self.number(after: "CR3=", in: text),
      let cr4 = Self.number(after: "CR4=", in: text),
      let cs = Self.segment("CS =", in: text), let ss = Self.segment("SS =", in: text),
      let tr = Self.segment("TR =", in: text), let gdt = Self.table("GDT=", in: text),
      let idt = Self.table("IDT=", in: text)
    else { return nil }
    self.rip = rip
    self.rflags = rflags
    self.cpl = UInt8(truncatingIfNeeded: cpl & 3)
    self.cr0 = cr0
    self.cr2 = cr2
    self.cr3 = cr3
    self.cr4 = cr4
    self.cs = cs
    self.ss = ss
    self.tr = tr
    self.gdt = gdt
    self.idt = idt
    efer = Self.number(after: "EFER=", in: text) ?? 0
    isHalted = Self.number(after: "HLT=", in: text) == 1
  }

  private static func rest(after name: String, in text: String) -> Substring? {
    guard let range = text.firstRange(of: name) else { return nil }
    return text[range.upperBound...]
  }

  static func number(after name: String, in text: String) -> UInt64? {
    rest(after: name, in: text).flatMap { UInt64($0.prefix { $0.isHexDigit }, radix: 16) }
  }

  /// The numbers of a line, up to one that is none.
  private static func numbers(after name: String, in text: String) -> [UInt64] {
    guard let rest = rest(after: name, in: text) else { return [] }
    var result: [UInt64] = []
    for word in rest.prefix(80).prefix(while: { $0 != "\n" }).split(separator: " ") {
      guard let value = UInt64(word, radix: 16) else { break }
      result.append(value)
    }
    return result
  }

  private static func segment(_ name: String, in text: String) -> SegmentRegister? {
    let values = numbers(after: name, in: text)
    guard values.count >= 3 else { return nil }
    return SegmentRegister(
      selector: UInt16(truncatingIfNeeded: values[0]), base: values[1],
      limit: UInt32(truncatingIfNeeded: values[2]))
  }

  private static func table(_ name: String, in text: String) -> DescriptorTableRegister? {
    let values = numbers(after: name, in: text)
    guard values.count >= 2 else { return nil }
    return DescriptorTableRegister(
      base: values[0], limit: UInt32(truncatingIfNeeded: values[1]))
  }
}
