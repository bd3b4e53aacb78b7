// EntryClass: what an entry found at a level is.

/// What a word in a table means, given the level of the table.
@frozen @usableFromInline package enum EntryClass: Hashable, Sendable {
  /// Zero: nothing is mapped and no table is linked.
  case absent
  /// A present entry that leads to a table one level down.
  case table
  /// A present entry that maps a page, or a leaf without rights.
  case leaf
  /// Anything else: not present but not zero, PS where it is reserved, or what the format lacks.
  case invalid

  @inlinable @inline(__always)
  package init(_ entry: UInt64, level: UInt64, in format: EntryFormat) {
    switch format {
    case .native: self.init(native: entry, level: level)
    case .ostd: self.init(ostd: entry, level: level)
    }
  }

  /// Bit 7 tells leaves from all else.
  ///
  /// Whatever has bits of another format, such as the PAT bit of a larger leaf, is no entry of this.
  @inlinable @inline(__always)
  init(ostd entry: UInt64, level: UInt64) {
    if entry == 0 {
      self = .absent
    } else if entry & EntryBits.pageSize != 0 {
      let isKnown = level == 1 || (level <= 3 && entry & EntryBits.largePAT == 0)
      self = isKnown ? .leaf : .invalid
    } else {
      self = level > 1 && entry & EntryBits.present != 0 ? .table : .invalid
    }
  }

  @inlinable @inline(__always)
  init(native entry: UInt64, level: UInt64) {
    if entry == 0 {
      self = .absent
    } else if entry & EntryBits.present != 0 {
      if level == 1 {
        self = .leaf
      } else if entry & EntryBits.pageSize == 0 {
        self = .table
      } else {
        self = level <= 3 ? .leaf : .invalid
      }
    } else if entry & EntryBits.rightless != 0
      && (level == 1 || (level <= 3 && entry & EntryBits.pageSize != 0))
    {
      self = .leaf
    } else {
      self = .invalid
    }
  }
}

extension EntryBits {
  /// The address bits of a leaf at `level`: those from `shift` on.
  @inlinable
  package static func leafAddress(_ entry: UInt64, shift: UInt64) -> UInt64 {
    entry & address & (~0 &<< shift)
  }

  /// The leaf bits one level down that say the same as `entry`, a leaf above level 1.
  ///
  /// In the native format the PAT bit moves from bit 12 to bit 7 when the pieces are 4 KiB pages,
  /// because PS is there in larger ones.
  @inlinable @inline(__always)
  package static func pieceBits(
    _ entry: UInt64, pieceLevel: UInt64, shift: UInt64, in format: EntryFormat
  ) -> UInt64 {
    let bits = entry & ~(address & (~0 &<< shift))
    guard pieceLevel == 1, format == .native else { return bits }
    let hasPAT = (bits &>> 12) & 1
    return bits & ~(pageSize | largePAT) | hasPAT &* smallPAT
  }

  /// The leaf bits one level up that say the same as `entry`, a leaf at `pieceLevel`.
  @inlinable @inline(__always)
  static func wholeBits(
    _ entry: UInt64, pieceLevel: UInt64, shift: UInt64, in format: EntryFormat
  ) -> UInt64 {
    let bits = entry & ~(address & (~0 &<< shift))
    guard pieceLevel == 1, format == .native else { return bits }
    let hasPAT = (bits &>> 7) & 1
    return bits & ~smallPAT | hasPAT &* largePAT | pageSize
  }
}
