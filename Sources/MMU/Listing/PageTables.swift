// PageTables: the tables below one root, and the traversal of them.

/// The tables that a processor would walk: a root and a configuration.
@frozen public struct PageTables: Hashable, Sendable {
  /// The address of the root table.
  public let rootAddress: GuestPhysicalAddress
  /// How the tables are read.
  public let configuration: PagingConfiguration

  /// The tables below bits 51:12 of `cr3`.
  @inlinable
  public init(cr3: UInt64, configuration: PagingConfiguration) {
    rootAddress = GuestPhysicalAddress(truncating: cr3 & PageTableEntry.Bit.address)
    self.configuration = configuration
  }

  /// The root's own visit.
  @inlinable public var root: TableVisit {
    TableVisit(
      address: rootAddress, level: configuration.rootLevel, linearAddress: 0,
      inherited: InheritedRights(), parent: nil)
  }

  /// True when the first word of the root can be read.
  @inlinable
  public func hasRoot<Memory: PhysicalMemory & ~Copyable>(in memory: borrowing Memory) -> Bool {
    memory.loadWord(at: rootAddress) != nil
  }

  /// Shows every table and every entry that is not 0 to `visitor`.
  ///
  /// The levels fall on the way down, so that it ends whatever the tables contain. A visitor that
  /// enters a table again for each way to it may be led through 2^36 entries by four tables; see
  /// ``TableKey`` for what tells them apart.
  ///
  /// - Complexity: 512 words for every table that `visitor` enters.
  @inlinable
  public func traverse<Memory: PhysicalMemory & ~Copyable, Visitor: TableVisitor>(
    in memory: borrowing Memory, _ visitor: inout Visitor
  ) {
    guard hasRoot(in: memory) else { return }
    var buffers = [[UInt64]](repeating: [], count: Int(Level.pageMapLevel5.rawValue) + 1)
    _ = descend(root, in: memory, &visitor, &buffers)
  }

  /// Visits a table; false when the visitor wants no more.
  ///
  /// `buffers` has an element for each level, in which the words of a table are while it is visited.
  @inlinable
  func descend<Memory: PhysicalMemory & ~Copyable, Visitor: TableVisitor>(
    _ table: TableVisit, in memory: borrowing Memory, _ visitor: inout Visitor,
    _ buffers: inout [[UInt64]]
  ) -> Bool {
    switch visitor.visit(table) {
    case .enter: break
    case .skip: return true
    case .stop: return false
    }
    let alwaysReserved = configuration.alwaysReservedBits
    let level = Int(table.level.rawValue)
    var words: [UInt64] = []
    swap(&words, &buffers[level])
    if words.isEmpty { words = [UInt64](repeating: 0, count: 512) }
    defer { swap(&words, &buffers[level]) }
    memory.loadTable(at: table.address, into: &words)
    for (index, word) in words.enumerated() where word != 0 {
      let entry = PageTableEntry(word, at: table.level)
      let visit = EntryVisit(
        entry: entry, kind: kind(of: entry, alwaysReserved, in: memory), index: index,
        linearAddress: configuration.linearAddressWidth.signExtended(
          table.linearAddress &+ UInt64(index) &* table.level.span))
      switch visitor.visit(visit, in: table) {
      case .enter: break
      case .skip: continue
      case .stop: return false
      }
      guard visit.kind == .table, let lower = table.level.lower else { continue }
      let address = GuestPhysicalAddress(truncating: table.address.rawValue &+ UInt64(index) &* 8)
      let next = TableVisit(
        address: entry.tableAddress, level: lower, linearAddress: visit.linearAddress,
        inherited: table.inherited.below(entry, at: address),
        parent: EntryReference(address, level: table.level))
      if !descend(next, in: memory, &visitor, &buffers) { return false }
    }
    visitor.leave(table)
    return true
  }

  /// What `entry` is by the rules of the walk.
  @inlinable
  public func kind<Memory: PhysicalMemory & ~Copyable>(
    of entry: PageTableEntry, in memory: borrowing Memory
  ) -> EntryKind {
    kind(of: entry, configuration.alwaysReservedBits, in: memory)
  }

  /// What an entry is by the rules of the walk.
  @inlinable
  func kind<Memory: PhysicalMemory & ~Copyable>(
    of entry: PageTableEntry, _ alwaysReserved: UInt64, in memory: borrowing Memory
  ) -> EntryKind {
    guard entry.isPresent else { return .notPresent }
    let reserved =
      entry.rawValue & entry.reservedMask(alwaysReserved, in: configuration, under: EveryRule())
    if reserved != 0 { return .reservedBits(reserved) }
    if let size = entry.pageSize { return .page(size) }
    return memory.hasWord(at: entry.tableAddress) ? .table : .tableOutsideMemory
  }
}
