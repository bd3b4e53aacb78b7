// AskedRecursion: what addresses in the range of a recursive slot should read.

import GuestMem
import MMU

/// What the range of a recursive slot shows, found from the mappings alone.
///
/// A walk that reads the root *m* times more than others is *m* levels behind with all that follows:
/// what stands in an entry of level *L* is used as one of level *L* - *m*. So an entry that leads to
/// a table maps this table as a page of 4 KiB where it is used at level 1, and one that maps a large
/// page maps a smaller one at the same place. Which entries there are follows from what is asked for;
/// where the tables stand is the builder's choice, as is the place of a mapping "anywhere".
///
/// Source: Intel SDM volume 3A, section 5.5.4 (the walk and the formats of the entries).
struct AskedRecursion: Sendable {
  /// What an address in the range should read.
  enum Content: Hashable, Sendable {
    /// Nothing: no page is there.
    case absent
    /// This page of 4 KiB, where somebody knows which, in this way.
    case page(UInt64?, PageProperties)
    /// Nobody says what.
    case unsaid
  }

  /// A table, by its level and the first linear address below it.
  struct TableKey: Hashable, Sendable {
    let level: Level
    let position: UInt64
  }

  /// The addresses that go through the slot.
  let range: ClosedRange<UInt64>
  let slot: RecursiveSlot
  let rootLevel: Level
  /// The mappings with rights by address, and where they lead.
  let mappings: [(mapping: Mapping, placement: UInt64)]
  /// The largest page that is used where the size is open.
  let largestPage: PageSize
  /// Where each table stands; nil where only the root is known.
  let tables: [TableKey: UInt64]?
  let root: UInt64

  /// What is asked for of tables that kvmpt builds, which stand at `places`.
  init(
    _ slot: RecursiveSlot, in space: AddressSpace, placements: [UInt64], largestPage: PageSize,
    root: UInt64, places: [PlacedTable]
  ) {
    range = slot.addresses(rootLevel: space.rootLevel)
    self.slot = slot
    rootLevel = space.rootLevel
    self.largestPage = largestPage
    self.root = root
    mappings = zip(space.mappings, placements)
      .filter { !$0.0.properties.rights.isEmpty && $0.0.byteCount > 0 }
      .map { (mapping: $0.0, placement: $0.1) }
      .sorted { $0.mapping.linearAddress < $1.mapping.linearAddress }
    var tables: [TableKey: UInt64] = [:]
    for place in places {
      tables[TableKey(level: place.level, position: place.linearAddress)] =
        place.physicalAddress.rawValue
    }
    self.tables = tables
  }

  /// What is asked for of an image's tables, whose root alone is known: how its mappings are divided
  /// among tables is not said.
  init(_ slot: RecursiveSlot, rootLevel: Level, root: UInt64) {
    range = slot.addresses(rootLevel: rootLevel)
    self.slot = slot
    self.rootLevel = rootLevel
    self.root = root
    mappings = []
    largestPage = .size1GiB
    tables = nil
  }

  /// The index of the entry, of which nobody has checked that a root has it.
  var index: UInt64 { UInt64(slot.index & 511) }

  var width: LinearAddressWidth { rootLevel == .pageMapLevel5 ? .bits57 : .bits48 }

  /// The bits of a linear address that are translated.
  private var translated: UInt64 { rootLevel.span &* 512 &- 1 }

  /// What the page at `address`, which lies in the range, should be.
  ///
  /// - Complexity: O(log *n*) in the number of mappings, for each level.
  func content(at address: UInt64) -> Content {
    var turns: UInt64 = 0
    var level: Level? = rootLevel
    while let next = level, address >> next.indexShift & 511 == index {
      turns += 1
      level = next.lower
    }
    let properties = PageProperties(rights: slot.rights)
    guard level != nil else { return .page(root, properties) }
    guard tables != nil else { return .unsaid }
    let position = (address & ~0xfff) << (9 * turns) & translated
    level = rootLevel
    while let current = level, UInt64(current.rawValue) > turns {
      let usedAt = UInt64(current.rawValue) - turns
      let first = width.signExtended(position & ~(current.span - 1))
      switch entry(at: current, first) {
      case .absent: return .absent
      case .table(let below):
        if usedAt == 1 {
          // Where the builder has no such table the answer is that a page should be there.
          return .page(tables?[TableKey(level: below, position: first)], properties)
        }
      case .leaf(let mapping, let physical):
        var seen = mapping.properties
        seen.rights.formIntersection(slot.rights)
        seen.isUser = false
        let offset = usedAt == 1 ? Self.patOffset(of: seen.memoryType) : address & 0x1f_f000
        return .page(physical | offset, seen)
      }
      level = current.lower
    }
    return .absent
  }

  /// Bit 12 of a large leaf, its PAT bit, is an address bit of a 4 KiB one.
  ///
  /// Of several indices into IA32_PAT with the type a leaf has the first.
  private static func patOffset(of type: MemoryType) -> UInt64 {
    let index = (UInt64(0)..<8).first {
      UInt8(truncatingIfNeeded: PageAttributeTable.standard >> (8 * $0)) == type.rawValue
    }
    return ((index ?? 0) & 4) << 10
  }

  /// What an entry should be.
  enum Entry {
    case absent
    /// It leads to a table of this level.
    case table(Level)
    /// It maps a page of the mapping, at this physical address.
    case leaf(Mapping, UInt64)
  }

  /// What the entry at `level`, which is above 1, should be that covers addresses from `first` on.
  func entry(at level: Level, _ first: UInt64) -> Entry {
    let last = first &+ (level.span &- 1)
    var (low, high) = (0, mappings.count)
    while low < high {
      let middle = (low + high) / 2
      if mappings[middle].mapping.lastAddress < first { low = middle + 1 } else { high = middle }
    }
    guard low < mappings.count, let lower = level.lower,
      mappings[low].mapping.linearAddress.rawValue <= last
    else { return .absent }
    let (mapping, placement) = mappings[low]
    let start = mapping.linearAddress.rawValue
    let physical = placement &+ (first &- start)
    guard let size = PageSize(level: level), start <= first, last <= mapping.lastAddress else {
      return .table(lower)
    }
    switch mapping.pageSize {
    case .exactly(let exact): return exact == size ? .leaf(mapping, physical) : .table(lower)
    case .largest:
      return size <= largestPage && physical.isMultiple(of: size.byteCount)
        ? .leaf(mapping, physical) : .table(lower)
    }
  }
}

extension Mapping {
  /// The last linear address; of a mapping that check() accepts and that has bytes.
  var lastAddress: UInt64 { linearAddress.rawValue &+ (byteCount &- 1) }
}
