// Notes of a core: padding, names, sizes, and the registers of each processor.

import MMU
import Testing

@testable import Inspection

@Suite("The notes of a core are found behind each other, whatever they are padded with")
struct NoteTests {
  /// A note with its padding.
  static func note(_ name: [UInt8], _ type: UInt32, _ content: [UInt8]) -> [UInt8] {
    func word(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(value >> ($0 * 8) & 255) } }
    func padded(_ bytes: [UInt8]) -> [UInt8] {
      bytes + [UInt8](repeating: 0xee, count: (4 - bytes.count % 4) % 4)
    }
    return word(name.count) + word(content.count) + word(Int(type)) + padded(name) + padded(content)
  }

  static let qemu = Array("QEMU\0".utf8)

  /// QEMU's state of a processor, each byte of which tells where it stands.
  static func state(_ number: UInt8, count: Int = 440) -> [UInt8] {
    var bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) ^ UInt8($0 >> 8) ^ number }
    bytes.replaceSubrange(0..<min(4, count), with: [1, 0, 0, 0].prefix(count))
    return bytes
  }

  static func processors(_ notes: [UInt8]) throws -> [ImageProcessor] {
    let head: UInt64 = 64 + 2 * 56
    let core = CoreBytes(
      [(4, head, 0, UInt64(notes.count)), (1, head + UInt64(notes.count), 0x1000, 8)],
      notes + [UInt8](repeating: 0, count: 8))
    let image = try Inspection.MemoryImage(bytes: core.bytes)
    return image.processors
  }

  /// Where the kernel of a core with these notes says that its tables are.
  static func kernelTables(_ notes: [UInt8]) throws -> KernelTables? {
    let head = UInt64(64 + 2 * 56)
    let core = CoreBytes(
      [(4, head, 0, UInt64(notes.count)), (1, head + UInt64(notes.count), 0x1000, 8)],
      notes + [UInt8](repeating: 0, count: 8))
    let image = try Inspection.MemoryImage(bytes: core.bytes)
    return image.kernelTables
  }

  @Test("VirtualBox's note has its registers at places of its own, IA32_EFER and IA32_PAT too")
  func virtualBox() throws {
    // Each byte is told from its neighbours, and the words from each other.
    let state = (0..<0x200).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
    func word(_ place: Int) -> UInt64 {
      (0..<8).reduce(0) { $0 | UInt64(state[place + $1]) << UInt64($1 * 8) }
    }
    let name = Array("VBCPU\0".utf8)
    let expected = ImageProcessor(
      source: .virtualBox, cr0: word(0x120), cr2: word(0x128), cr3: word(0x130),
      cr4: word(0x138), instructionPointer: word(0x70), stackPointer: word(0x78),
      flags: word(0x88), currentPrivilegeLevel: state[0xa0] & 3, efer: word(0x1e8),
      pageAttributeTable: word(0x1f8))
    #expect(try Self.processors(Self.note(name, 0xb01, state)) == [expected])
    #expect(try Self.processors(Self.note(name, 0xb00, state)) == [])
    #expect(try Self.processors(Self.note(name, 0xb01, state.dropLast())) == [])
    #expect(try Self.processors(Self.note(Array("VBCPU".utf8), 0xb01, state)) == [])
  }

  @Test("A kernel's own note says where its tables are, whatever else stands in it")
  func kernel() throws {
    func tables(_ lines: String) throws -> KernelTables? {
      try Self.kernelTables(Self.note(Array("VMCOREINFO\0".utf8), 0, Array(lines.utf8)))
    }
    let linked = "SYMBOL(swapper_pg_dir)=ffffffff82a10000\n"
    let found = try #require(
      try tables("OSRELEASE=6.1.0\n\(linked)NUMBER(phys_base)=1048576\nPAGESIZE=4096\n"))
    #expect(found.rootAddress == 0x2b1_0000 && found.isFiveLevel == nil)
    #expect(try tables(linked)?.rootAddress == 0x2a1_0000)
    #expect(try tables(linked + "NUMBER(phys_base)=-1048576\n")?.rootAddress == 0x291_0000)
    #expect(try tables("SYMBOL(init_top_pgt)=ffffffff80001000")?.rootAddress == 0x1000)
    #expect(try tables(linked + "NUMBER(pgtable_l5_enabled)=1\n")?.isFiveLevel == true)
    #expect(try tables(linked + "NUMBER(pgtable_l5_enabled)=0\n")?.isFiveLevel == false)
    // A root is a page of physical memory.
    for lines in [
      "", "SYMBOL(swapper_pg_dir)=", "SYMBOL(swapper_pg_dir)=7fffffff", "SYMBOL(_text)=0",
      "SYMBOL(swapper_pg_dir)=ffffffff82a10001", linked + "NUMBER(phys_base)=1\n",
      linked + "NUMBER(phys_base)=4503599627370496\n",
    ] {
      #expect(try tables(lines) == nil, "\(lines)")
    }
    let other = Self.note(Array("VMCOREINFO_XEN\0".utf8), 0, Array(linked.utf8))
    #expect(try Self.kernelTables(other) == nil)
  }

  /// What the manual of the note says, field by field.
  static func expected(_ state: [UInt8]) -> ImageProcessor {
    func word(_ place: Int) -> UInt64 {
      (0..<8).reduce(0) { $0 | UInt64(state[place + $1]) << UInt64($1 * 8) }
    }
    func half(_ place: Int) -> UInt32 { UInt32(truncatingIfNeeded: word(place)) }
    func segment(_ index: Int) -> SegmentRegister {
      let place = 0x98 + 24 * index
      return SegmentRegister(
        selector: half(place), limit: half(place + 4), flags: half(place + 8),
        base: word(place + 16))
    }
    return ImageProcessor(
      source: .qemu, cr0: word(0x188), cr2: word(0x198), cr3: word(0x1a0), cr4: word(0x1a8),
      instructionPointer: word(0x88), stackPointer: word(0x38), flags: word(0x90),
      currentPrivilegeLevel: state[0x98] & 3, efer: nil, pageAttributeTable: nil,
      segments: ProcessorSegments(
        code: segment(0), task: segment(7), globalDescriptorTable: segment(8),
        interruptDescriptorTable: segment(9)))
  }

  @Test("A processor is found behind notes of every length, and its registers are its own")
  func padding() throws {
    for nameCount in 0..<9 {
      for size in 0..<9 {
        let other = Self.note(
          [UInt8](repeating: 65, count: nameCount), 1, [UInt8](repeating: 0x51, count: size))
        let states = [Self.state(1), Self.state(7, count: 441), Self.state(9, count: 443)]
        let notes =
          other + Self.note(Self.qemu, 0, states[0]) + other + Self.note(Self.qemu, 0, states[1])
          + Self.note(Self.qemu, 0, states[2])
        let found = try Self.processors(notes)
        #expect(found == states.map(Self.expected), "\(nameCount) \(size)")
      }
    }
  }

  @Test("What is no note of QEMU's of version 1 about a whole processor is passed over")
  func others() throws {
    let good = Self.note(Self.qemu, 0, Self.state(3))
    var version = Self.state(4)
    version[0] = 2
    for (note, count) in [
      (good, 1), (Self.note(Self.qemu, 0, Self.state(3, count: 439)), 0),
      (Self.note(Self.qemu, 0, Self.state(3, count: 444)), 1),
      (Self.note(Self.qemu, 1, Self.state(3)), 0),
      (Self.note(Array("QEMU".utf8), 0, Self.state(3)), 0),
      (Self.note(Array("QEMU\0\0".utf8), 0, Self.state(3)), 0),
      (Self.note(Array("QEMV\0".utf8), 0, Self.state(3)), 0),
      (Self.note(Array("CORE\0".utf8), 0, Self.state(3)), 0),
      (Self.note(Self.qemu, 0, version), 0),
    ] as [([UInt8], Int)] {
      #expect(try Self.processors(note).count == count)
      // It hides nothing behind it.
      #expect(try Self.processors(note + good).count == count + 1)
    }
  }

  @Test("The padding of the last note may be missing, and its content may not")
  func end() throws {
    let whole = Self.note(Self.qemu, 0, Self.state(5, count: 441))
    for missing in 0...3 {
      #expect(try Self.processors(Array(whole.dropLast(missing))).count == 1)
    }
    #expect(throws: MemoryImageError.noteOutsideSegment(offset: 176)) {
      _ = try Self.processors(Array(whole.dropLast(4)))
    }
    // Less than a header of a note is none.
    for rest in 0..<12 {
      let notes = Self.note(Self.qemu, 0, Self.state(5)) + [UInt8](repeating: 255, count: rest)
      #expect(try Self.processors(notes).count == 1)
    }
  }

  @Test("Four thousand processors and some are as many as are told, and no more")
  func limit() throws {
    let note = Self.note(Self.qemu, 0, Self.state(1))
    for (count, found) in [(4095, 4095), (4096, 4096), (4097, 4096), (9000, 4096)] {
      let notes = (0..<count).flatMap { _ in note }
      #expect(try Self.processors(notes).count == found)
    }
  }

  @Test("Each mode of a processor is one bit")
  func modes() {
    func processor(cr0: UInt64 = 0, cr4: UInt64 = 0, efer: UInt64? = nil) -> ImageProcessor {
      ImageProcessor(
        source: .qemu, cr0: cr0, cr2: 0, cr3: 0, cr4: cr4, instructionPointer: 0, stackPointer: 0,
        flags: 0, currentPrivilegeLevel: 0, efer: efer, pageAttributeTable: nil)
    }
    #expect(processor().isNoExecuteEnabled == nil)
    for bit in 0..<64 as Range<UInt64> {
      #expect(processor(cr0: .max, cr4: 1 << bit).isFiveLevel == (bit == 12))
      #expect(processor(cr0: 1 << bit, cr4: .max).isPagingEnabled == (bit == 31))
      #expect(processor(cr0: .max, cr4: 1 << bit).isPagingEnabled == (bit == 5))
      #expect(processor(cr0: .max, cr4: ~(1 << bit)).isFiveLevel == (bit != 12))
      #expect(processor(efer: 1 << bit).isNoExecuteEnabled == (bit == 11))
    }
  }
}
