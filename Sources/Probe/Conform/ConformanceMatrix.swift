// ConformanceMatrix: all pairs of an upper and a lower entry, each at a linear address of its own.

import MMU

/// Two adjacent levels of the tables, each in all its variants; the other levels allow everything.
///
/// The pair (upper, lower) has its own linear address, so that one batch of probes over one set of
/// tables covers thousands of combinations. Every upper entry leads to a table of its own, so that
/// no two pairs share a lower entry.
struct ConformanceMatrix: Sendable {
  let name: String
  /// The table that CR3 points at.
  let rootLevel: Level
  let upperLevel: Level
  let upper: [EntryVariant]
  let lower: [EntryVariant]
  /// True when the lower entries are leaves.
  let hasLeaves: Bool
  /// The first root entry that the matrix uses.
  let rootIndex: Int
  /// The level above the upper entries whose entry has R/W clear, or nil.
  var readOnlyLevel: Level?
  /// Which pairs count.
  var legality = Legality.everything

  /// Which pairs of a matrix are cases.
  enum Legality: Sendable {
    case everything
    /// As in kvm-unit-tests' `access`: at most one reserved bit, bit 13 of a PDE only with PS.
    case atMostOneReservedBit
  }

  var lowerLevel: Level { upperLevel.lower ?? .pageTable }

  /// The number of root entries that the matrix uses.
  var rootEntryCount: Int { upperLevel == rootLevel ? upper.count : 1 }

  /// The first linear address of a pair's page.
  func linearAddress(upper upperIndex: Int, lower lowerIndex: Int) -> UInt64 {
    let width: LinearAddressWidth = rootLevel == .pageMapLevel5 ? .bits57 : .bits48
    var address = UInt64(upperIndex) << upperLevel.indexShift
    address += UInt64(rootIndex) << rootLevel.indexShift
    address += UInt64(lowerIndex) << lowerLevel.indexShift
    // A 1 GiB page starts at physical 0; its stamped frames are those of the pool.
    if hasLeaves && lowerLevel == .pageDirectoryPointerTable {
      address += ConformanceTables.poolAddress
    }
    return width.signExtended(address)
  }

  /// Whether a pair is a case in a mode with or without IA32_EFER.NXE.
  func isCase(upper: EntryVariant, lower: EntryVariant, isNoExecuteEnabled: Bool) -> Bool {
    guard legality == .atMostOneReservedBit else { return true }
    let bit13: UInt64 = 1 << 13
    if upper.bits & bit13 != 0 && upper.bits & PageTableEntry.Bit.pageSize == 0 { return false }
    let reserved: UInt64 =
      1 << 51 | 1 << 36 | bit13 | (isNoExecuteEnabled ? 0 : PageTableEntry.Bit.noExecute)
    return (upper.bits & reserved).nonzeroBitCount + (lower.bits & reserved).nonzeroBitCount <= 1
  }
}

extension ConformanceMatrix {
  /// The space of kvm-unit-tests' `access`: PTE and PDE in all their flags, below a PDPTE with R/W
  /// set and one with R/W clear.
  ///
  /// Source: the description of x86/access.c; 31 flags of which 28 can be set without protection
  /// keys.
  static func access(addressWidth: UInt8) -> [ConformanceMatrix] {
    var reserved: [UInt64] = [0]
    if addressWidth < 52 { reserved.append(1 << 51) }
    if addressWidth < 37 { reserved.append(1 << 36) }
    let flags = [
      PageTableEntry.Bit.readWrite, PageTableEntry.Bit.userSupervisor,
      PageTableEntry.Bit.accessed, PageTableEntry.Bit.dirty, PageTableEntry.Bit.noExecute,
      PageTableEntry.Bit.present,
    ]
    let lower = reserved.flatMap { bit in
      EntryVariant.subsets(of: flags).map { EntryVariant($0 | bit) }
    }
    let upper = (reserved + [1 << 13]).flatMap { bit in
      EntryVariant.subsets(of: flags + [PageTableEntry.Bit.pageSize]).map { EntryVariant($0 | bit) }
    }
    // Bit 13 stands for a 2 MiB page only.
    let meaningful = upper.filter {
      $0.bits & 1 << 13 == 0 || $0.bits & PageTableEntry.Bit.pageSize != 0
    }
    return [nil, Level.pageDirectoryPointerTable].enumerated().map { index, level in
      ConformanceMatrix(
        name: level == nil ? "access" : "access, read-only PDPTE", rootLevel: .pageMapLevel4,
        upperLevel: .pageDirectory, upper: meaningful, lower: lower, hasLeaves: true,
        rootIndex: 1 + index, readOnlyLevel: level, legality: .atMostOneReservedBit)
    }
  }

  /// All adjacent levels of tables with `rootLevel`, and leaves of all sizes.
  static func full(rootLevel: Level, addressWidth: UInt8) -> [ConformanceMatrix] {
    var matrices: [ConformanceMatrix] = []
    var rootIndex = 1
    func add(_ name: String, _ upperLevel: Level, hasLeaves: Bool) {
      guard let lowerLevel = upperLevel.lower else { return }
      let matrix = ConformanceMatrix(
        name: name, rootLevel: rootLevel, upperLevel: upperLevel,
        upper: EntryVariant.tables(at: upperLevel, addressWidth: addressWidth),
        lower: hasLeaves
          ? EntryVariant.leaves(at: lowerLevel, addressWidth: addressWidth)
          : EntryVariant.tables(at: lowerLevel, addressWidth: addressWidth), hasLeaves: hasLeaves,
        rootIndex: rootIndex)
      rootIndex += matrix.rootEntryCount
      matrices.append(matrix)
    }
    add("PDE and PTE", .pageDirectory, hasLeaves: true)
    add("PDPTE and 2 MiB PDE", .pageDirectoryPointerTable, hasLeaves: true)
    add("PDPTE and PDE", .pageDirectoryPointerTable, hasLeaves: false)
    add("PML4E and PDPTE", .pageMapLevel4, hasLeaves: false)
    add("PML4E and 1 GiB PDPTE", .pageMapLevel4, hasLeaves: true)
    if rootLevel == .pageMapLevel5 { add("PML5E and PML4E", .pageMapLevel5, hasLeaves: false) }
    return matrices
  }
}
