// EntryVariant: the bits of an entry that a matrix goes through, without its address.

import MMU

/// An entry's flags, or single address bits that are reserved where they stand.
struct EntryVariant: Hashable, Sendable {
  let bits: UInt64

  init(_ bits: UInt64) { self.bits = bits }

  /// P, R/W and U/S: an entry that allows everything.
  static let open: UInt64 =
    PageTableEntry.Bit.present | PageTableEntry.Bit.readWrite | PageTableEntry.Bit.userSupervisor

  /// Every subset of `flags`, in ascending order of the subset's number.
  static func subsets(of flags: [UInt64]) -> [UInt64] {
    (0..<(1 << flags.count)).map { number in
      flags.indices.reduce(0) { $0 | (number >> $1 & 1 != 0 ? flags[$1] : 0) }
    }
  }

  /// The variants of an entry that points at a table: all of P, R/W, U/S, XD and A, and each other
  /// bit by itself, in an entry that is present and in one that is not.
  static func tables(at level: Level, addressWidth: UInt8) -> [EntryVariant] {
    let flags = [
      PageTableEntry.Bit.present, PageTableEntry.Bit.readWrite,
      PageTableEntry.Bit.userSupervisor, PageTableEntry.Bit.noExecute,
      PageTableEntry.Bit.accessed,
    ]
    var singles: [UInt64] = [3, 4, 6, 8, 9, 10, 11].map { 1 << $0 } + ignoredHighBits
    singles += unimplementedBits(addressWidth)
    // PS is reserved in a PML4E and a PML5E; below it makes a leaf, which is another matrix.
    if level >= .pageMapLevel4 { singles.append(PageTableEntry.Bit.pageSize) }
    return (subsets(of: flags) + singles.map { open | $0 } + absent(addressWidth))
      .map(EntryVariant.init)
  }

  /// The variants of a leaf: all of P, R/W, U/S, XD, A and D, each other bit by itself, and all of
  /// the three that choose the memory type.
  static func leaves(at level: Level, addressWidth: UInt8) -> [EntryVariant] {
    let flags = [
      PageTableEntry.Bit.present, PageTableEntry.Bit.readWrite,
      PageTableEntry.Bit.userSupervisor, PageTableEntry.Bit.noExecute,
      PageTableEntry.Bit.accessed, PageTableEntry.Bit.dirty,
    ]
    var singles: [UInt64] = [8, 9, 10, 11].map { 1 << $0 } + ignoredHighBits
    singles += unimplementedBits(addressWidth)
    var size = PageTableEntry.Bit.pageSize
    var pat = PageTableEntry.Bit.patOfLargePage
    switch level {
    case .pageDirectory: singles += (13...20).map { 1 << $0 }
    case .pageDirectoryPointerTable: singles += (13...29).map { 1 << $0 }
    default:
      size = 0
      pat = PageTableEntry.Bit.patOf4KiBPage
    }
    let types = subsets(of: [1 << 3, 1 << 4, pat]).dropFirst()
    return (subsets(of: flags) + (singles + types).map { open | $0 } + absent(addressWidth))
      .map { EntryVariant($0 | size) }
  }

  /// Bits 62:52, which are ignored, or a protection key.
  private static let ignoredHighBits: [UInt64] = (52...62).map { 1 << $0 }

  private static func unimplementedBits(_ addressWidth: UInt8) -> [UInt64] {
    (UInt64(addressWidth)..<52).map { 1 << $0 }
  }

  /// Entries that are not present and have reserved bits: nothing but P may be looked at.
  private static func absent(_ addressWidth: UInt8) -> [UInt64] {
    unimplementedBits(addressWidth).prefix(1).map { open & ~1 | $0 }
  }
}
