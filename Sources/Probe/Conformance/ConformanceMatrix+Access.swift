// The space of kvm-unit-tests' `access` as matrices.

import MMU

extension ConformanceMatrix {
  /// The space of kvm-unit-tests' `access`: PTE and PDE in all their flags, below a PDPTE with R/W
  /// set and one with R/W clear, and with a protection key or without.
  ///
  /// With a key the leaf has key 1 and a PDE that leads to a table has key 2, which must not
  /// matter.
  ///
  /// Source: the description of x86/access.c; 31 flags.
  static func access(
    rootLevel: Level, addressWidth: UInt8, hasKeys: Bool
  ) -> [ConformanceMatrix] {
    var reserved: [UInt64] = [0]
    if addressWidth < 52 { reserved.append(1 << 51) }
    if addressWidth < 37 { reserved.append(1 << 36) }
    let flags = [
      PageTableEntry.Bit.readWrite, PageTableEntry.Bit.userSupervisor,
      PageTableEntry.Bit.accessed, PageTableEntry.Bit.dirty, PageTableEntry.Bit.noExecute,
      PageTableEntry.Bit.present,
    ]
    let pageSize = PageTableEntry.Bit.pageSize
    let bit13: UInt64 = 1 << 13
    let lower = reserved.flatMap { bit in EntryVariant.subsets(of: flags).map { $0 | bit } }
    let all = (reserved + [bit13]).flatMap { bit in
      EntryVariant.subsets(of: flags + [pageSize]).map { $0 | bit }
    }
    // Bit 13 stands for a 2 MiB page only.
    let upper = all.filter { $0 & bit13 == 0 || $0 & pageSize != 0 }
    var matrices: [ConformanceMatrix] = []
    for key: UInt64 in hasKeys ? [0, 1] : [0] {
      for level in [nil, Level.pageDirectoryPointerTable] {
        var name = level == nil ? "access" : "access, read-only PDPTE"
        if key != 0 { name += ", with keys" }
        matrices.append(
          ConformanceMatrix(
            name: name, rootLevel: rootLevel, upperLevel: .pageDirectory,
            upper: upper.map { EntryVariant($0 | key << ($0 & pageSize != 0 ? 59 : 60)) },
            lower: lower.map { EntryVariant($0 | key << 59) }, hasLeaves: true,
            rootIndex: 1 + matrices.count, accesses: [.read, .write, .fetch], modes: .access,
            readOnlyLevel: level, legality: .atMostOneReservedBit))
      }
    }
    return matrices
  }
}
