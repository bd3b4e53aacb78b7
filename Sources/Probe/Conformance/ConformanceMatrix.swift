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
  /// The accesses that its cases make.
  var accesses = ConformanceAccess.ordinary
  /// The processor modes that its cases are run in.
  var modes = ConformanceModes.standard
  /// The level above the upper entries whose entry has R/W clear, or nil.
  var readOnlyLevel: Level?
  /// Which pairs count.
  var legality = Legality.everything
  /// Where the entries lead.
  var target = Target.memory
  /// The matrix shows what a machine does that lacks 1 GiB pages.
  var isForLackOf1GiBPages = false

  /// Which pairs of a matrix are cases.
  enum Legality: Sendable {
    case everything
    /// As in kvm-unit-tests' `access`: at most one reserved bit.
    case atMostOneReservedBit
    /// Every pair but the last of each upper entry, whose next page is not the matrix's.
    case withNextPage
  }

  /// Where the addresses of entries come from.
  enum Target: Sendable {
    /// Tables, and stamped memory.
    case memory
    /// The variants of leaves hold addresses where no memory is.
    case device
    /// The variants of upper entries hold addresses where no memory is.
    case noTable
  }

  var lowerLevel: Level { upperLevel.lower ?? .pageTable }

  /// The number of root entries that the matrix uses.
  var rootEntryCount: Int { upperLevel == rootLevel ? upper.count : 1 }

  /// The size of the pages that the lower entries map.
  var pageByteCount: UInt64 { lowerLevel.span }

  /// The first linear address of a pair's page.
  func linearAddress(upper upperIndex: Int, lower lowerIndex: Int) -> UInt64 {
    let width: LinearAddressWidth = rootLevel == .pageMapLevel5 ? .bits57 : .bits48
    var address = UInt64(upperIndex) << upperLevel.indexShift
    address += UInt64(rootIndex) << rootLevel.indexShift
    address += UInt64(lowerIndex) << lowerLevel.indexShift
    // A 1 GiB page starts at physical 0; its stamped frames are those of the pool.
    if hasLeaves && lowerLevel == .pageDirectoryPointerTable && target == .memory {
      address += ConformanceTables.poolAddress
    }
    return width.signExtended(address)
  }

  /// Whether a pair is a case in a mode with or without IA32_EFER.NXE.
  func isCase(upper upperIndex: Int, lower lowerIndex: Int, isNoExecuteEnabled: Bool) -> Bool {
    switch legality {
    case .everything: return true
    case .withNextPage: return lowerIndex + 1 < lower.count
    case .atMostOneReservedBit: break
    }
    let reserved = Self.reservedBits(isNoExecuteEnabled: isNoExecuteEnabled)
    return (upper[upperIndex].bits & reserved).nonzeroBitCount
      + (lower[lowerIndex].bits & reserved).nonzeroBitCount <= 1
  }

  /// The bits that `access` takes for reserved ones; bit 13 stands in 2 MiB pages only.
  private static func reservedBits(isNoExecuteEnabled: Bool) -> UInt64 {
    1 << 51 | 1 << 36 | 1 << 13 | (isNoExecuteEnabled ? 0 : PageTableEntry.Bit.noExecute)
  }

  /// The number of pairs that are cases.
  func caseCount(isNoExecuteEnabled: Bool) -> Int {
    switch legality {
    case .everything: upper.count * lower.count
    case .withNextPage: upper.count * (lower.count - 1)
    case .atMostOneReservedBit:
      pairCount(reserved: Self.reservedBits(isNoExecuteEnabled: isNoExecuteEnabled))
    }
  }

  /// The pairs with at most one of the bits.
  private func pairCount(reserved: UInt64) -> Int {
    func count(_ variants: [EntryVariant], _ number: Int) -> Int {
      variants.count { ($0.bits & reserved).nonzeroBitCount == number }
    }
    return count(upper, 0) * (count(lower, 0) + count(lower, 1)) + count(upper, 1) * count(lower, 0)
  }
}

extension ConformanceAccess {
  /// The accesses of most matrices.
  static let ordinary: [ConformanceAccess] = [.read, .write, .fetch, .lockedOr, .push, .call, .pop]
}
