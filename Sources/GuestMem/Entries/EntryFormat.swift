// EntryFormat: the two ways in which entries say what properties say.

/// How the entries of a kind of page table are written.
///
/// It is a constant of the kind, ``PageTableConfiguration/entryFormat``, so that no table ever has
/// entries of both, and the compiler drops the other format's code.
public enum EntryFormat: Hashable, Sendable {
  /// Everything that an x86-64 entry has: six memory types by ``PageAttributeTable/standard``,
  /// protection keys, ten software bits. Entries that lead to tables are user entries where a user
  /// page is below.
  ///
  /// A page without rights has P = 0 and bit 1 set, and keeps its address, which processors with
  /// L1TF can read speculatively. The PAT bit is bit 7 of a 4 KiB leaf and bit 12 of a larger one,
  /// and moves when a leaf is split or collapsed.
  case native
  /// The entries of OSTD, the kernel framework of Asterinas, bit for bit.
  ///
  /// Bit 7 is set in every leaf: PS in larger ones, and in a 4 KiB leaf the mark of a leaf, which
  /// is the PAT bit to a processor. So ``PageAttributeTable/ostd`` has the same types at indices 4
  /// to 7 as at 0 to 3, and must be loaded before the tables are used. P is the right to read: a
  /// leaf without it grants nothing, whatever else it says, and keeps its other rights. Entries
  /// that lead to tables are always user entries.
  ///
  /// There are four memory types (WB, WT, WC, UC), no protection keys, and two software bits: 3
  /// (bit 52, AVAIL1), which tells owned pages, and 4 (bit 53, AVAIL2). Entries that lead to tables
  /// are followed whatever these bits say there, but written and accepted by the contracts without
  /// them: only OSTD's boot tables have them. The address in a leaf with P = 0 is the page's own, as
  /// it is there: on processors with L1TF it can be read speculatively.
  case ostd
}

extension EntryFormat {
  /// The bits of an entry that leads to a table with a page of these properties.
  @inlinable @inline(__always)
  package func link(to properties: PageProperties) -> UInt64 {
    switch self {
    case .native: properties.isUser ? EntryBits.userLink : EntryBits.supervisorLink
    case .ostd: EntryBits.userLink
    }
  }

  /// The bits of an entry that leads to a table whose leaves have `leafBits`; 0 for an empty one.
  @inlinable @inline(__always)
  package func link(above leafBits: UInt64) -> UInt64 {
    switch self {
    case .native: EntryBits.supervisorLink | leafBits & EntryBits.user
    case .ostd: EntryBits.userLink
    }
  }

  /// Bits of which a word of a level-1 table has one or more when it is a leaf, and none when not.
  @inlinable @inline(__always) var smallLeafMarks: UInt64 {
    switch self {
    case .native: EntryBits.present | EntryBits.rightless
    case .ostd: EntryBits.pageSize
    }
  }

  /// 1 when a word of a level-1 table is a leaf, else 0: a number, so that vectors can do it.
  @inlinable @inline(__always)
  func smallLeafCount(_ word: UInt64) -> UInt64 {
    switch self {
    // P or the mark of a leaf without rights.
    case .native: (word | word &>> 1) & 1
    case .ostd: (word &>> 7) & 1
    }
  }

  /// True when a leaf says that its page may be written, whether its other bits allow it or not.
  @inlinable @inline(__always)
  func saysWritable(_ leaf: UInt64) -> Bool {
    // Without P the native format has its mark in this bit.
    leaf & EntryBits.writable != 0 && (self == .ostd || leaf & EntryBits.present != 0)
  }
}
