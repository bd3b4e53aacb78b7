// TestKernel: a small kernel that makes tables of its own and goes on to them, right as it stands.

/// A kernel in two segments: code at 1 MiB, and data at 2 MiB with its tables in it.
///
/// It loads CR3, takes a stack of its own, uses the stack and its data, and reports success. A bug is a
/// change of some of that.
package struct TestKernel {
  package static let code: UInt64 = 0x10_0000
  package static let root: UInt64 = 0x20_0000
  package static let directoryPointers: UInt64 = 0x20_1000
  package static let directory: UInt64 = 0x20_2000
  /// The PT of the first 2 MiB, in which the code is.
  package static let codeTable: UInt64 = 0x20_3000
  /// The PT of the second 2 MiB, in which the data is.
  package static let dataTable: UInt64 = 0x20_4000
  package static let idt: UInt64 = 0x20_5000
  package static let scratch: UInt64 = 0x20_6000
  /// The registers of the IDT and, 16 bytes behind it, of the GDT.
  package static let tableRegisters: UInt64 = 0x20_7000
  package static let stackTop: UInt64 = 0x20_a000
  package static let spare: UInt64 = 0x20_b000
  package static let gdt: UInt64 = 0x20_c000
  package static let dataPageCount = 16

  /// What is added to physical addresses: 0 or 1 GiB.
  package var base: UInt64 = 0
  /// The words of the data segment, by physical address.
  package private(set) var data = [UInt64](repeating: 0, count: dataPageCount * 512)
  /// What CR3 is loaded with.
  package var cr3 = root
  /// What is done before CR3 is loaded.
  package var before: (inout MachineCode) -> Void = { _ in }
  /// What is done afterwards.
  package var after: (inout MachineCode) -> Void = { code in
    code.load(.rsp, stackTop)
    code.emit(0x50, 0x58)
    code.write(scratch)
    code.read(scratch)
    code.succeed()
  }
  /// The handler of page faults, 0x800 bytes behind the start of the code.
  package var handler: (inout MachineCode) -> Void = { $0.succeed() }

  package static let handlerOffset: UInt64 = 0x800
  package var handlerAddress: UInt64 { base + Self.code + Self.handlerOffset }

  package init(base: UInt64 = 0) {
    self.base = base
    self[Self.root] = Self.directoryPointers | 3
    self[Self.directoryPointers + (base >> 30) * 8] = Self.directory | 3
    self[Self.directory] = Self.codeTable | 3
    self[Self.directory + 8] = Self.dataTable | 3
    self[Self.codePage] = Self.code | 1
    for page in 0..<UInt64(Self.dataPageCount) {
      self[Self.dataTable + page * 8] = (Self.root + page * 4096) | 3 | 1 << 63
    }
    let descriptors: [UInt64] = [0, 0x00af_9b00_0000_ffff, 0x00cf_9300_0000_ffff]
    for (index, word) in descriptors.enumerated() { self[Self.gdt + UInt64(index) * 8] = word }
    self[Self.tableRegisters] = 0x0fff | (base + Self.idt) << 16
    self[Self.tableRegisters + 8] = (base + Self.idt) >> 48
    self[Self.tableRegisters + 16] = 23 | (base + Self.gdt) << 16
    self[Self.tableRegisters + 24] = (base + Self.gdt) >> 48
  }

  /// The PTE of the code.
  package static let codePage = codeTable + 0x100 * 8
  /// The PTE of a page of data.
  package static func dataPage(_ address: UInt64) -> UInt64 {
    dataTable + (address - root) >> 12 * 8
  }

  /// A word of the data segment by its physical address.
  package subscript(address: UInt64) -> UInt64 {
    get { data[Int((address - Self.root) / 8)] }
    set { data[Int((address - Self.root) / 8)] = newValue }
  }

  /// Puts the gate of page faults into the IDT, and loads IDT and GDT before CR3.
  package mutating func takesExceptions(
    limit: UInt64 = 0xfff, type: UInt64 = 0x8e, selector: UInt64 = 8, stackTable: UInt64 = 0,
    loadsGDT: Bool = true
  ) {
    let address = handlerAddress
    let gate = Self.idt + 14 * 16
    self[gate] =
      address & 0xffff | selector << 16 | stackTable << 32 | type << 40
      | (address >> 16 & 0xffff) << 48
    self[gate + 8] = address >> 32
    self[Self.tableRegisters] = self[Self.tableRegisters] & ~0xffff | limit
    let earlier = before
    let registers = base + Self.tableRegisters
    before = { code in
      earlier(&code)
      if loadsGDT { code.loadGDT(registers + 16) }
      code.loadIDT(registers)
    }
  }

  /// The file.
  package var bytes: KernelBytes {
    var code = MachineCode()
    before(&code)
    let switchAt = UInt64(code.bytes.count)
    code.loadCR3(cr3)
    let afterAt = UInt64(code.bytes.count)
    after(&code)
    var text = code.bytes
    precondition(text.count <= Int(Self.handlerOffset))
    text += [UInt8](repeating: 0xf4, count: Int(Self.handlerOffset) - text.count)
    var handlerCode = MachineCode()
    handler(&handlerCode)
    text += handlerCode.bytes
    let start = base + Self.code
    return KernelBytes(
      entry: start,
      segments: [
        .init(
          linear: start, physical: Self.code, bytes: text, memoryByteCount: UInt64(text.count),
          flags: 5),
        .init(
          linear: base + Self.root, physical: Self.root, bytes: KernelBytes.words(data),
          memoryByteCount: UInt64(data.count * 8), flags: 6),
      ],
      symbols: [
        ("start", start, switchAt == 0 ? 1 : switchAt), ("load_root", start + switchAt, 13),
        ("on_new_root", start + afterAt, Self.handlerOffset - afterAt),
        ("page_fault", handlerAddress, 64),
      ])
  }
}
