// TableMemory, near tables: the tables that can be read without a check of their address.

extension TableMemory {
  /// The table that an entry links, if it is among the frames with metadata, up to a power of 2,
  /// and the entry has all of `bits`, P among them.
  @inlinable @inline(__always)
  func nearTable(linkedBy entry: UInt64, with bits: UInt64 = EntryBits.present) -> TableFrame? {
    // What differs from a link: one instruction less than to mask the entry and to compare.
    let difference = entry ^ bits
    guard _fastPath(difference & nearMask(with: bits) == 0) else { return nil }
    return TableFrame(validated: difference & nearAddressMask)
  }

  /// The level-1 table that decides a linear address, if every table down to it is near and every
  /// entry has all of `linkBits`, P among them.
  ///
  /// Written out for the tables of processors, so that every shift is a constant.
  @inlinable @inline(__always)
  func nearPageTable(
    of address: UInt64, belowLevel4 root: TableFrame, linkBits: UInt64 = EntryBits.present
  ) -> TableFrame? {
    guard
      let upper = nearTable(
        linkedBy: memory.entry(root, Configuration.index(address, 4)), with: linkBits),
      let middle = nearTable(
        linkedBy: memory.entry(upper, Configuration.index(address, 3)), with: linkBits)
    else { return nil }
    return nearTable(
      linkedBy: memory.entry(middle, Configuration.index(address, 2)), with: linkBits)
  }

  /// The bits that tell a near link with `bits`.
  @inlinable @inline(__always)
  func nearMask(with bits: UInt64) -> UInt64 {
    bits & EntryBits.writable == 0
      ? nearLinkMask | bits & EntryBits.user : nearWritableLinkMask | bits & EntryBits.user
  }
}
