// BuilderLie: the catalogue of what a builder of tables can do otherwise than it was asked.

import GuestMem
import MMU

/// One change of words in tables that somebody built.
enum BuilderLie: String, CaseIterable, Sendable {
  case leafRemoved = "leaf-removed"
  case leafAdded = "leaf-added"
  /// The leaf leads to the neighbour frame, or stands in another entry.
  case frameShifted = "frame-shifted"
  case entryShifted = "entry-shifted"
  /// A page of 2 MiB is 512 pages of 4 KiB with the same translation.
  case otherSize = "other-size"
  case writeLost = "write-lost"
  case executeGained = "execute-gained"
  case userLost = "user-lost"
  case globalLost = "global-lost"
  case typeChanged = "type-changed"
  case keyChanged = "key-changed"
  case softwareBitLost = "software-bit-lost"
  case softwareBitSet = "software-bit-set"
  case dirtySet = "dirty-set"
  /// One table is linked by two entries.
  case linkShared = "link-shared"
  /// A link denies what pages below it should have.
  case linkReadOnly = "link-read-only"
  case linkSupervisor = "link-supervisor"
  /// A link leads to its own table, or where no memory is.
  case linkToItself = "link-to-itself"
  case linkToNowhere = "link-to-nowhere"
  /// A bit that the processor reserves.
  case reservedBitSet = "reserved-bit-set"
  case reservedBitInLink = "reserved-bit-in-link"
  /// A bit in an entry that is not present.
  case absentBitSet = "absent-bit-set"

  /// Tells the lie about tables of ``BuiltLayout``; true when that changed a word.
  func tell(in memory: MemoryView, cr3: UInt64) -> Bool {
    let tables = LayoutTables(memory: memory, cr3: cr3)
    let leaf = tables.entry(BuiltLayout.data, level: 1)
    let link = tables.entry(BuiltLayout.data, level: 2)
    let bit = PageTableEntry.Bit.self
    switch self {
    case .leafRemoved: return tables.change(leaf) { _ in 0 }
    case .leafAdded:
      return tables.change(leaf + 5 * 8) { _ in BuiltLayout.unusedFrame | 7 }
    case .frameShifted: return tables.change(leaf) { $0 ^ 0x1000 }
    case .entryShifted:
      let word = tables.word(leaf)
      return tables.change(leaf + 6 * 8) { _ in word } && tables.change(leaf) { _ in 0 }
    case .otherSize: return tables.splitLarge()
    case .writeLost: return tables.change(leaf) { $0 & ~bit.readWrite }
    case .executeGained: return tables.change(leaf) { $0 & ~bit.noExecute }
    case .userLost: return tables.change(leaf) { $0 & ~bit.userSupervisor }
    case .globalLost: return tables.change(leaf) { $0 & ~(1 << 8) }
    case .typeChanged: return tables.change(leaf) { $0 ^ 1 << 3 }
    case .keyChanged: return tables.change(leaf) { $0 ^ 5 << 59 }
    case .softwareBitLost: return tables.change(leaf) { $0 & ~(1 << 9) }
    case .softwareBitSet: return tables.change(leaf) { $0 | 1 << 58 }
    case .dirtySet: return tables.change(leaf) { $0 | bit.dirty }
    case .linkShared:
      let word = tables.word(link)
      return tables.change(link + 8) { _ in word }
    case .linkReadOnly: return tables.change(link) { $0 & ~bit.readWrite }
    case .linkSupervisor: return tables.change(link) { $0 & ~bit.userSupervisor }
    case .linkToItself: return tables.change(link) { $0 & 0xfff | link & ~0xfff }
    case .linkToNowhere: return tables.change(link) { $0 & 0xfff | 1 << 40 }
    case .reservedBitSet: return tables.change(leaf) { $0 | 1 << 51 }
    case .reservedBitInLink: return tables.change(link) { $0 | 1 << 51 }
    case .absentBitSet: return tables.change(leaf + 5 * 8) { $0 | 1 << 9 }
    }
  }
}

/// The tables below a root, as words.
private struct LayoutTables {
  let memory: MemoryView
  let cr3: UInt64

  func word(_ address: UInt64) -> UInt64 {
    memory.loadWord(at: GuestPhysicalAddress(truncating: address)) ?? 0
  }

  func change(_ address: UInt64, _ change: (UInt64) -> UInt64) -> Bool {
    let old = word(address)
    memory.storeWord(change(old), at: GuestPhysicalAddress(truncating: address))
    return change(old) != old
  }

  /// Where the entry for `linear` stands at `level`.
  func entry(_ linear: UInt64, level: UInt64) -> UInt64 {
    var table = cr3 & PageTableEntry.Bit.address
    for above in (level + 1...4).reversed() {
      table =
        word(table + (linear >> (12 + 9 * (above - 1)) & 511) * 8) & PageTableEntry.Bit.address
    }
    return table + (linear >> (12 + 9 * (level - 1)) & 511) * 8
  }

  /// Puts a table of small pages in the place of the large page.
  func splitLarge() -> Bool {
    let place = entry(BuiltLayout.large, level: 2)
    let leaf = word(place)
    guard leaf & PageTableEntry.Bit.pageSize != 0 else { return false }
    let table = BuiltLayout.byteCount - 4096
    for index in 0..<UInt64(512) {
      let small = (leaf & ~PageTableEntry.Bit.pageSize) + index << 12
      memory.storeWord(small, at: GuestPhysicalAddress(truncating: table + index * 8))
    }
    return change(place) { _ in table | 7 }
  }
}
