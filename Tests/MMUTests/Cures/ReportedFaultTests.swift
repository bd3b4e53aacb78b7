// Error codes that a machine gave, held against tables that give them under one assumption or none.

import MMU
import Testing

@Suite("An error code fits the tables, or the one assumption is found by which it does")
struct ReportedFaultTests {
  private static let everything: Assumptions = [
    .physicalAddressWidth, .gibibytePages, .noExecute, .levels, .writeProtect, .smep, .smap, .pkru,
    .pke,
  ]

  private func fault(
    _ code: UInt32, _ path: TablePath, _ kind: AccessKind = .read,
    _ privilege: PrivilegeLevel = .supervisor, assumed: Assumptions = everything,
    change: (inout CPUMode) -> Void = { _ in }
  ) -> ReportedFault {
    var mode = CPUMode(privilege: privilege)
    change(&mode)
    let question = AccessQuestion(
      path.linearAddress, Access(kind), mode: mode,
      tables: PageTables(cr3: TablePath.cr3, configuration: path.configuration))
    return ReportedFault(
      PageFaultErrorCode(rawValue: code), for: question, assumed: assumed, in: path.memory)
  }

  private func path(
    leaf: Level = .pageTable, page: UInt64 = 0x4000_0000, width: UInt8 = 52,
    _ edit: (inout TablePath) -> Void = { _ in }
  ) throws -> TablePath {
    var path = TablePath(try PagingConfiguration(physicalAddressWidth: width))
    path.map(leaf: leaf, page: page)
    edit(&path)
    return path
  }

  @Test("Each assumption is found, and only when it is one")
  func assumptions() throws {
    let high = try path(page: 0x3ff_fd2e_7000)
    #expect(fault(0x9, high) == .fitsIf([.physicalAddressWidth(atMost: 41)]))
    let large = try path(leaf: .pageDirectoryPointerTable)
    #expect(fault(0x9, large) == .fitsIf([.gibibytePages(false)]))
    let noExecute = try path { $0[.pageTable] |= 1 << 63 }
    #expect(fault(0x9, noExecute) == .fitsIf([.noExecute(false)]))
    let readOnly = try path { $0[.pageTable] &= ~6 }
    #expect(
      fault(0x3, readOnly, .write) { $0.isWriteProtectEnabled = false }
        == .fitsIf([.writeProtect(true)]))
    let user = try path()
    #expect(fault(0x11, user, .fetch) == .fitsIf([.smep(true)]))
    #expect(fault(0x1, user) == .fitsIf([.smap(true)]))
    for path in [high, large, noExecute] {
      #expect(fault(0x9, path, assumed: []) == .doesNotFit)
    }
  }

  @Test("A protection key is found by AD for a read and by AD or WD for a write")
  func keys() throws {
    let keyed = try path { $0[.pageTable] |= 5 << 59 }
    #expect(fault(0x25, keyed, .read, .user) == .fitsIf([.pkru(1 << 10)]))
    #expect(fault(0x27, keyed, .write, .user) == .fitsIf([.pkru(1 << 10), .pkru(2 << 10)]))
    #expect(fault(0x25, keyed, .read, .user, assumed: [.pkru]) == .doesNotFit)
    #expect(fault(0x5, keyed, .read, .user) == .doesNotFit)
  }

  @Test("Of several assumptions the one counts that the fewest entries speak against")
  func fewest() throws {
    // Two more entries have XD: with NXE clear the guest would not have come so far.
    let both = try path(page: 0x3ff_fd2e_7000 | 1 << 63) {
      $0.memory[0x4000] = 0x8000_0000_0000_1003
      $0.memory[0x4008] = 0x8000_0000_0000_2003
    }
    #expect(fault(0x9, both) == .fitsIf([.physicalAddressWidth(atMost: 41)]))
  }

  @Test("A code that the tables give fits, with the bit that QEMU's emulator leaves out as well")
  func fits() throws {
    let reserved = try path(page: 0x2000_4_8000_0000, width: 40)
    #expect(fault(0x9, reserved) == .fits)
    #expect(fault(0x8, reserved) == .fitsWithoutPresent)
    #expect(fault(0x1, reserved) == .doesNotFit)
  }

  @Test("Codes with SS, HLAT, SGX or RMP come from something else", arguments: [6, 7, 15, 31])
  func notPaging(_ bit: UInt32) throws {
    let code = 1 << bit | 7 as UInt32
    #expect(
      fault(code, try path(), .write, .user)
        == .notPaging(PageFaultErrorCode(rawValue: 1 << bit)))
  }
}
