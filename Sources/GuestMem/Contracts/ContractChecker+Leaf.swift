// ContractChecker, leaves: codec, geometry, rights of the entries above, ownership.

public import MMU

extension ContractChecker {
  @inlinable
  mutating func checkLeaf(
    _ word: UInt64, _ table: TableFrame, level: UInt64, position: UInt64, linkBits: UInt64
  ) {
    let shift = Configuration.shift(level)
    let span = Configuration.span(level)
    let address = EntryBits.leafAddress(word, shift: shift)
    if context.adoptedTables == .none {
      checkMeaning(word, table, level: level, position: position, linkBits: linkBits)
    }
    if Configuration.leafOwnership.isTracked(word) {
      let first = address &>> 12
      for frame in first..<first &+ span &>> 12 {
        mapCounts[frame, default: 0] += 1
        switch tables.metadata.ownership(of: frame) {
        case .shared: break
        case let ownership:
          report(
            frame == first ? .frameOwners : .subFrames, table, level: level,
            position: position, word: word,
            "frame \(hexadecimal(frame)) of an owning page is \(ownership)")
        }
      }
    }
    let last = position &+ (span &- 1)
    if let previous = mapped.last, previous.upperBound &+ 1 == position {
      mapped[mapped.count - 1] = previous.lowerBound...last
    } else {
      mapped.append(position...last)
    }
  }

  /// Checks what a leaf says: geometry, codec, and the rights of the entries above.
  @inlinable
  mutating func checkMeaning(
    _ word: UInt64, _ table: TableFrame, level: UInt64, position: UInt64, linkBits: UInt64
  ) {
    let span = Configuration.span(level)
    let address = EntryBits.leafAddress(word, shift: Configuration.shift(level))
    if level > tables.highestLeafLevel {
      report(
        .geometry, table, level: level, position: position, word: word,
        "no leaf may stand at this level")
    }
    let width = UInt64(tables.paging.physicalAddressWidth)
    if address &>> width != 0 || address > (1 &<< width) &- span {
      report(
        .geometry, table, level: level, position: position, word: word,
        "the page needs more than \(width) physical-address bits")
    }
    checkCodec(word, table, level: level, position: position, address: address)
    if word & EntryBits.user & ~linkBits != 0 {
      report(
        .linkRights, table, level: level, position: position, word: word,
        "a user page is below a supervisor entry")
    }
  }

  /// Checks that a leaf is what its meaning encodes to.
  @inlinable
  mutating func checkCodec(
    _ word: UInt64, _ table: TableFrame, level: UInt64, position: UInt64, address: UInt64
  ) {
    let properties = PageProperties(
      leafEntry: word, level: levelNumbered(level), in: Configuration.entryFormat)
    do throws(PageTableError) {
      try LeafBits.validate(properties, for: tables.paging, in: Configuration.entryFormat)
    } catch {
      report(.codec, table, level: level, position: position, word: word, error.message)
    }
    var expected = LeafBits(properties, in: Configuration.entryFormat).bits(level) | address
    if Configuration.entryFormat == .native, properties.rights.isEmpty {
      // Without P only the mark is read, so XD may be either.
      expected = expected & ~EntryBits.noExecute | word & EntryBits.noExecute
    }
    if expected != word {
      report(
        .codec, table, level: level, position: position, word: word,
        "the leaf means what \(hexadecimal(expected)) means")
    }
  }

  /// Checks that the mapped ranges, sorted anew, are canonical and disjoint.
  @inlinable
  mutating func checkView(_ root: TableFrame) {
    let half: UInt64 = 1 &<< (tables.addressWidth &- 1)
    var previous: ClosedRange<UInt64>?
    for range in mapped.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let previous, previous.upperBound >= range.lowerBound {
        report(
          .view, root, level: tables.rootLevel, position: range.lowerBound, word: 0,
          "the address is mapped twice")
      }
      if range.upperBound >= half &<< 1 {
        report(
          .view, root, level: tables.rootLevel, position: range.lowerBound, word: 0,
          "the range leaves the address space")
      }
      previous = range
    }
  }
}
