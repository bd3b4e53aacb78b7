// Child: what an entry leads to, owned or borrowed.

public import MMU

/// What an entry leads to, with its ownership.
@frozen public enum Child<Configuration: PageTableConfiguration>: ~Copyable, Sendable {
  /// Nothing.
  case none
  /// A table one level down.
  case table(NodeHandle<Configuration>)
  /// A page.
  case page(PageItem<Configuration>)

  /// True for ``none``.
  @inlinable public var isNone: Bool {
    switch self {
    case .none: true
    default: false
    }
  }

  /// The same without ownership.
  @inlinable public var reference: ChildReference {
    switch self {
    case .none: .none
    case .table(let node): .table(node.table, node.level)
    case .page(let item):
      .page(
        RawPage(
          physicalAddress: item.physicalAddress, level: item.level, properties: item.properties))
    }
  }

  /// True when what the child owns, if anything, is counted in that metadata.
  @inlinable
  func isCounted(in metadata: FrameMetadataView) -> Bool {
    switch self {
    case .none: true
    case .table(let node): node.tables.metadata.isSame(as: metadata)
    case .page(let item): item.owner?.isSame(as: metadata) ?? true
    }
  }

  /// The entry that stands for the child; its ownership moves into the entry.
  ///
  /// Tables become user entries, so that their leaves alone decide.
  @inlinable
  package consuming func intoEntry() -> UInt64 {
    switch consume self {
    case .none: return 0
    case .table(let node):
      return node.intoRaw().address | EntryBits.userLink
    case .page(let item):
      let raw = item.intoRaw()
      return LeafBits(raw.properties, in: Configuration.entryFormat).bits(
        UInt64(raw.level.rawValue))
        | raw.physicalAddress.rawValue
    }
  }

  /// Takes the ownership of an entry, found in a node of `level`, back.
  ///
  /// The inverse of ``intoEntry()``. Each entry may be taken back once, by whoever took it out of
  /// its node: a second owner would free what is still mapped. So it is no part of the library's
  /// surface; entries and cursors give children out.
  /// - Throws: ``EntryError/invalidEntry(level:index:entry:)``; the index is not known here and 0.
  @inlinable
  package init(
    fromEntry entry: UInt64, level: Level, tables: TableMemory<Configuration>
  ) throws(EntryError) {
    switch ChildReference(entry: entry, level: level, tables: tables) {
    case .none:
      guard entry == 0 else { throw .invalidEntry(level: level, index: 0, entry: entry) }
      self = .none
    case .table(let table, _):
      self = .table(NodeHandle(owned: table, tables: tables))
    case .page(let raw):
      var owned = raw
      owned.properties = PageProperties(
        leafEntry: entry, level: level, in: Configuration.entryFormat)
      self = .page(PageItem(fromRaw: owned, metadata: tables.metadata))
    }
  }
}

/// What an entry leads to, borrowed: making and dropping it changes no count.
@frozen public enum ChildReference: Hashable, Sendable {
  /// Nothing.
  case none
  /// A table of that level.
  case table(TableFrame, Level)
  /// A page, whose properties leave out the software bit that tells owned pages.
  case page(RawPage)

  /// Reads an entry found in a node of `level`; what is no valid entry leads to nothing.
  @inlinable
  public init<Configuration: PageTableConfiguration>(
    entry: UInt64, level: Level, tables: TableMemory<Configuration>
  ) {
    let number = UInt64(level.rawValue)
    switch EntryClass(entry, level: number, in: Configuration.entryFormat) {
    case .absent, .invalid: self = .none
    case .table:
      guard let table = tables.memory.table(linkedBy: entry), let lower = level.lower,
        tables.metadata.nodeState(of: table.frame).isNode(of: lower)
      else {
        self = .none
        return
      }
      self = .table(table, lower)
    case .leaf:
      var properties = PageProperties(
        leafEntry: entry, level: level, in: Configuration.entryFormat)
      properties.softwareBits &= ~Configuration.leafOwnership.softwareMask
      let address = EntryBits.leafAddress(entry, shift: Configuration.shift(number))
      self = .page(
        RawPage(
          physicalAddress: GuestPhysicalAddress(truncating: address), level: level,
          properties: properties))
    }
  }
}
