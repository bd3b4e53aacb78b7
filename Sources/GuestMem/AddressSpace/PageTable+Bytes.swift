// PageTable, bytes: content at linear addresses, as code on these tables would reach it.

public import MMU

extension ConfiguredPageTable {
  /// The `count` bytes from `linearAddress` on, where every page may be read.
  ///
  /// Pages of a user's table must be user pages. The accessed bit of each leaf is set, and those of
  /// the entries above it are not.
  ///
  /// - Throws: ``PageTableError`` for a range that leaves what this table owns, for the first page
  ///   that is not mapped, may not be read, or leads to no memory; no bit has been set then.
  public func readBytes(
    at linearAddress: LinearAddress, count: Int
  ) throws(PageTableError) -> [UInt8] {
    var bytes: [UInt8] = []
    for part in try parts(of: linearAddress, count: count, right: .read) {
      bytes += tables.memory.readBytes(at: part.physicalAddress, count: part.count) ?? []
      tables.memory.addBits(part.table, part.index, EntryBits.accessed)
    }
    return bytes
  }

  /// Writes `bytes` from `linearAddress` on, where every page may be written.
  ///
  /// The accessed and dirty bits of each leaf are set before its page is written, as a processor
  /// does, and those of the entries above are not.
  ///
  /// - Throws: as ``readBytes(at:count:)``; nothing has been written then.
  public func writeBytes(
    _ bytes: [UInt8], at linearAddress: LinearAddress
  ) throws(PageTableError) {
    var offset = 0
    for part in try parts(of: linearAddress, count: bytes.count, right: .write) {
      tables.memory.addBits(part.table, part.index, EntryBits.accessed | EntryBits.dirty)
      tables.memory.writeBytes(
        Array(bytes[offset..<offset + part.count]), at: part.physicalAddress)
      offset += part.count
    }
  }

  /// The part of a range in one page, with the leaf that maps it.
  private typealias Part = (
    table: TableFrame, index: Int, physicalAddress: GuestPhysicalAddress, count: Int
  )

  /// Cuts a range at pages and checks all of it.
  private func parts(
    of linearAddress: LinearAddress, count: Int, right: PageRights
  ) throws(PageTableError) -> [Part] {
    let start = try tables.position(linearAddress)
    guard count > 0 else { return [] }
    let first = start & ~4095
    let (sum, overflow) = start.addingReportingOverflow(UInt64(count))
    guard !overflow, sum <= .max &- 4095 else {
      throw .rangeNotCanonical(start: linearAddress.rawValue, byteCount: UInt64(count))
    }
    _ = try tables.positions(
      LinearAddress(truncating: tables.address(first), width: .bits57),
      byteCount: (sum &+ 4095) & ~4095 &- first)
    var parts: [Part] = []
    var position = start
    while position < sum {
      let (table, index, level) = tables.deciding(position, from: root)
      let entry = tables.memory.entry(table, index)
      let address = tables.address(position)
      guard case .leaf = EntryClass(entry, level: level, in: Configuration.entryFormat) else {
        throw .notMapped(linearAddress: address)
      }
      let properties = PageProperties(
        leafEntry: entry, level: levelNumbered(level), in: Configuration.entryFormat)
      let needsUser = Configuration.ownedSpace == .lowerHalf
      // Nothing can be done with a page that may not be read.
      guard properties.rights.isSuperset(of: [.read, right]), properties.isUser || !needsUser
      else {
        throw .accessDenied(linearAddress: address, right)
      }
      let shift = Configuration.shift(level)
      let offset = position & (1 &<< shift &- 1)
      let physical = GuestPhysicalAddress(
        truncating: EntryBits.leafAddress(entry, shift: shift) | offset)
      let length = min(sum &- position, 1 &<< shift &- offset)
      guard tables.memory.contains(physical, byteCount: length) else {
        throw .noMemory(linearAddress: address, physicalAddress: physical.rawValue)
      }
      parts.append((table, index, physical, Int(truncatingIfNeeded: length)))
      position &+= length
    }
    return parts
  }
}

extension TableMemory {
  /// The place of the lowest entry that decides a position: table, index and level.
  func deciding(_ position: UInt64, from root: TableFrame) -> (TableFrame, Int, UInt64) {
    var table = root
    var level = rootLevel
    while true {
      let index = Configuration.index(position, level)
      let entry = memory.entry(table, index)
      guard case .table = EntryClass(entry, level: level, in: Configuration.entryFormat),
        let child = memory.table(linkedBy: entry)
      else { return (table, index, level) }
      table = child
      level &-= 1
    }
  }
}
