// Cores that say where the tables are in another way than QEMU's.

import TestImages
import Testing

@testable import kvmpt

@Suite("The notes of a core say where the tables are, and who says so is told")
struct NotedRootTests {
  /// A note with its padding.
  private static func note(_ name: String, _ type: UInt32, _ content: [UInt8]) -> [UInt8] {
    func word(_ number: UInt32) -> [UInt8] {
      (0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }
    func padded(_ bytes: [UInt8]) -> [UInt8] {
      bytes + [UInt8](repeating: 0, count: -bytes.count & 3)
    }
    let owner = Array(name.utf8) + [0]
    return word(UInt32(owner.count)) + word(UInt32(content.count)) + word(type) + padded(owner)
      + padded(content)
  }

  /// A core without QEMU's notes, and with these, of tables of `levels` levels at 0x100000.
  private static func core(_ notes: [UInt8], levels: Int = 4) throws -> ImageFile {
    var image = TableImage(root: 0x10_0000, levels: levels)
    image.nextTable = 0x10_1000
    image.map(0x40_0000, to: 0x11_0000, [.present, .writable, .noExecute])
    let file = ImageFile()
    try image.writeCore(
      to: file.path, ranges: [0..<0x20_0000], processorCount: 0, furtherNotes: notes)
    return file
  }

  @Test("A kdump's kernel says it, with the number of levels", arguments: [4, 5])
  func kernel(_ levels: Int) throws {
    let lines = """
      OSRELEASE=6.1.0
      SYMBOL(swapper_pg_dir)=ffffffff80000000
      NUMBER(phys_base)=1048576
      NUMBER(pgtable_l5_enabled)=\(levels - 4)

      """
    let file = try Self.core(Self.note("VMCOREINFO", 0, Array(lines.utf8)), levels: levels)
    let run = try ProgramRun(["dump", file.path])
    #expect(
      run.output.contains("CR3 0x100000 from the kernel's note VMCOREINFO, \(levels) levels"),
      "\(run.output)")
    #expect(run.output.contains("0x0000000000400000") && run.exitCode == 0)
    // What is said on the command line counts more.
    let other = try ProgramRun(["dump", file.path, "--cr3", "0x101000"])
    #expect(other.output.contains("CR3 0x101000 from --cr3"), "\(other.output)")
  }

  @Test("VirtualBox's note has the root, IA32_EFER.NXE and IA32_PAT")
  func virtualBox() throws {
    var state = [UInt8](repeating: 0, count: 0x800)
    func put(_ number: UInt64, at place: Int) {
      for index in 0..<8 {
        state[place + index] = UInt8(truncatingIfNeeded: number >> UInt64(index * 8))
      }
    }
    put(0x8001_0033, at: 0x120)
    put(0x10_0000, at: 0x130)
    put(0xa0, at: 0x138)
    // All memory is write-combining.
    put(0x0101_0101_0101_0101, at: 0x1f8)
    for (efer, rights) in [(UInt64(0xd01), "rw-|---"), (0x501, "reserved")] {
      put(efer, at: 0x1e8)
      let file = try Self.core(Self.note("VBCPU", 0xb01, state))
      let run = try ProgramRun(["dump", file.path])
      #expect(run.output.contains("CR3 0x100000 from VirtualBox's note about processor 0"))
      if efer == 0xd01 {
        #expect(run.output.contains("\(rights) WC"), "\(run.output)")
      } else {
        // Without NXE bit 63 is reserved, so that nothing is mapped.
        #expect(!run.output.contains("rw-|---") && run.output.contains("no NXE"), "\(run.output)")
      }
      let given = try ProgramRun(["dump", file.path, "--nxe", "on", "--pat", "power-on"])
      #expect(given.output.contains("rw-|--- WB"), "\(given.output)")
    }
  }
}
