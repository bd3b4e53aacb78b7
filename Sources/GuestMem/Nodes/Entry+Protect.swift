// Entry, protect: a leaf gets other properties.

internal import MMU

extension Entry {
  /// Changes the properties of a leaf; an absent entry or one that links a table stays as it is.
  ///
  /// `change` gets what was observed, accessed and dirty bits among it, and commands only what it
  /// changes: bits that hardware sets meanwhile stay. Nothing is stored when it changes nothing.
  /// No translation cache is flushed.
  ///
  /// - Returns: the properties before, with the accessed and dirty bits of the last moment; nil
  ///   when there is no leaf.
  /// - Throws: ``EntryError/invalidProperties(_:)``, ``EntryError/reservedSoftwareBits(_:)``,
  ///   ``EntryError/supervisorTable(level:)``, ``EntryError/invalidEntry(level:index:entry:)`` when
  ///   somebody else wrote to the entry, and what `change` throws.
  @inlinable @discardableResult
  public mutating func protect(
    _ change: (PageProperties) throws(EntryError) -> PageProperties
  ) throws(EntryError) -> PageProperties? {
    guard case .page(let raw) = reference else { return nil }
    let wanted = try change(raw.properties)
    try checkNode()
    try validate(wanted)
    let edit = LeafDifference(
      from: raw.properties, to: wanted, level: levelNumber, in: Configuration.entryFormat)
    guard !edit.isEmpty else { return raw.properties }
    var found = tables.memory.entry(table, index)
    while true {
      guard case .leaf = EntryClass(found, level: levelNumber, in: Configuration.entryFormat) else {
        snapshot = found
        throw invalid()
      }
      let edited = edit.applied(to: found)
      if tables.memory.compareExchangeEntry(table, index, &found, edited) {
        snapshot = edited
        var before = PageProperties(
          leafEntry: found, level: level, in: Configuration.entryFormat)
        before.softwareBits &= ~Configuration.leafOwnership.softwareMask
        return before
      }
    }
  }

  /// Throws what stands against properties in a leaf of this node.
  @inlinable
  func validate(_ properties: PageProperties) throws(EntryError) {
    do throws(PageTableError) {
      try LeafBits.validate(properties, for: tables.paging, in: Configuration.entryFormat)
    } catch {
      throw .invalidProperties(error)
    }
    let reserved = properties.softwareBits & Configuration.leafOwnership.softwareMask
    guard reserved == 0 else { throw .reservedSoftwareBits(reserved) }
    guard !properties.isUser || userPages == .allowed else {
      throw .supervisorTable(level: level)
    }
  }
}

/// The bits of a leaf that a change of properties clears and sets.
@frozen @usableFromInline struct LeafDifference {
  @usableFromInline let cleared: UInt64
  @usableFromInline let set: UInt64

  @inlinable
  init(
    from old: PageProperties, to new: PageProperties, level: UInt64, in format: EntryFormat
  ) {
    let before = LeafBits(old, in: format).bits(level)
    let after = LeafBits(new, in: format).bits(level)
    var cleared = before & ~after
    var set = after & ~before
    if old.rights != new.rights {
      // A native leaf without rights may have XD or not: command it.
      let rights = EntryBits.present | EntryBits.writable | EntryBits.noExecute
      cleared |= rights & ~after
      set |= rights & after
    }
    if old.memoryType != new.memoryType {
      // Two PAT indices can mean the same type; clear the index whole.
      let pat = level == 1 ? EntryBits.smallPAT : EntryBits.largePAT
      cleared |= (EntryBits.cache | pat) & ~after
    }
    self.cleared = cleared
    self.set = set
  }

  @inlinable var isEmpty: Bool { cleared | set == 0 }

  @inlinable
  func applied(to entry: UInt64) -> UInt64 { entry & ~cleared | set }
}
