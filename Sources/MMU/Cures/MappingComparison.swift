// MappingComparison: what a change of entries does to every mapping but the one that is asked about.

/// Compares the pages that changed entries lead to, before and after.
///
/// Harm is a page that is lost or moved, that loses a right, that gets one which its own entry does
/// not give, or a table that becomes a user's. A page that was not mapped before harms nobody.
struct MappingComparison {
  let uses: TableUses
  let configuration: PagingConfiguration
  /// The address that is asked about; its own page may change in any way.
  let address: UInt64
  /// Pages that get a right which their own entry gives.
  private(set) var openedPageCount: UInt64 = 0
  private(set) var isHarmful = false
  private var budget = 1 << 20
  private var seen: Set<[UInt64]> = []
  /// The entries whose changes were looked at, with all that is below them.
  private var compared: Set<EntryReference> = []

  /// Ways to a table beyond this number are too many to look at.
  static let useLimit = 512

  init(_ uses: TableUses, configuration: PagingConfiguration, address: UInt64) {
    self.uses = uses
    self.configuration = configuration
    self.address = address
  }

  /// A way to a table: its first linear address, and what it inherits before and after.
  private struct Way {
    var base: UInt64
    var oldRights: UInt64
    var newRights: UInt64
  }

  /// Looks at every way to the entry of `change`; changes nearer to the root come first.
  mutating func compare(_ change: EntryChange, _ old: MemoryOverlay, _ new: MemoryOverlay) {
    let place = change.step.entryAddress.rawValue
    defer { compared.insert(EntryReference(change.step.entryAddress, level: change.step.level)) }
    for level in Level.allCases {
      let ways = ways(to: place & ~0xfff, at: level, old, new)
      if ways.count > Self.useLimit { isHarmful = true }
      for way in ways.prefix(Self.useLimit) {
        compare(
          PageTableEntry(change.step.entry.rawValue, at: level),
          PageTableEntry(change.newValue, at: level), old, new,
          Way(
            base: way.base &+ (place >> 3 & 511) &* level.span, oldRights: way.oldRights,
            newRights: way.newRights))
      }
    }
  }

  private mutating func ways(
    to frame: UInt64, at level: Level, _ old: MemoryOverlay, _ new: MemoryOverlay
  ) -> [Way] {
    var ways: [Way] = []
    if level == configuration.rootLevel && frame == uses.tables.rootAddress.rawValue {
      let all = InheritedRights().combined
      ways.append(Way(base: 0, oldRights: all, newRights: all))
    }
    guard let upper = level.upper, level < configuration.rootLevel else { return ways }
    // What lies below a change that was looked at was compared with it, the changes below included.
    for link in uses.links(to: frame, at: level) where !compared.contains(link) {
      let place = link.address
      spend()
      guard !isHarmful, let oldWord = old.loadWord(at: place), let newWord = new.loadWord(at: place)
      else {
        continue
      }
      for way in self.ways(to: place.rawValue & ~0xfff, at: upper, old, new) {
        ways.append(
          Way(
            base: way.base &+ (place.rawValue >> 3 & 511) &* upper.span,
            oldRights: InheritedRights.combine(way.oldRights, PageTableEntry(oldWord, at: upper)),
            newRights: InheritedRights.combine(way.newRights, PageTableEntry(newWord, at: upper))))
        if ways.count > Self.useLimit { return ways }
      }
    }
    return ways
  }

  private mutating func compare(
    _ old: PageTableEntry, _ new: PageTableEntry, _ oldMemory: MemoryOverlay,
    _ newMemory: MemoryOverlay, _ way: Way
  ) {
    guard !isHarmful else { return }
    let tables = uses.tables
    let oldKind = tables.kind(of: old, in: oldMemory)
    let newKind = tables.kind(of: new, in: newMemory)
    let span = old.level.span
    let base = configuration.linearAddressWidth.signExtended(way.base)
    let isAskedFor = address & ~(span - 1) == base
    let oldRights = InheritedRights.combine(way.oldRights, old)
    let newRights = InheritedRights.combine(way.newRights, new)
    switch (oldKind, newKind) {
    case (.page(let size), _):
      if isAskedFor { return }
      guard case .page(size) = newKind, old.pageAddress == new.pageAddress,
        old.patIndex == new.patIndex, old.protectionKey == new.protectionKey
      else { return isHarmful = true }
      compareRights(of: old, oldRights, newRights)
    case (.table, .table):
      if old.tableAddress == new.tableAddress && oldRights == newRights { return }
      descend(
        old, new, oldMemory, newMemory,
        Way(base: way.base, oldRights: oldRights, newRights: newRights), isAskedFor: isAskedFor)
    case (.table, _):
      // Everything below is lost, unless it is nothing but the page that is asked about.
      for index in 0..<512 as Range<UInt64> {
        guard !isHarmful, let lower = old.level.lower,
          let word = oldMemory.loadWord(
            at: GuestPhysicalAddress(truncating: old.tableAddress.rawValue + index * 8)), word != 0
        else { continue }
        spend()
        compare(
          PageTableEntry(word, at: lower), PageTableEntry(0, at: lower), oldMemory, newMemory,
          Way(
            base: way.base &+ index &* lower.span, oldRights: oldRights, newRights: newRights))
      }
    default: return
    }
  }

  private mutating func descend(
    _ old: PageTableEntry, _ new: PageTableEntry, _ oldMemory: MemoryOverlay,
    _ newMemory: MemoryOverlay, _ way: Way, isAskedFor: Bool
  ) {
    guard let lower = old.level.lower else { return }
    let key = [
      old.tableAddress.rawValue | UInt64(lower.rawValue), new.tableAddress.rawValue,
      way.oldRights, way.newRights,
    ]
    // Pages that were counted on another way are not counted again.
    if !isAskedFor && !seen.insert(key).inserted { return }
    for index in 0..<512 as Range<UInt64> {
      guard !isHarmful,
        let oldWord = oldMemory.loadWord(
          at: GuestPhysicalAddress(truncating: old.tableAddress.rawValue + index * 8)), oldWord != 0
      else { continue }
      spend()
      let newWord =
        newMemory.loadWord(
          at: GuestPhysicalAddress(truncating: new.tableAddress.rawValue + index * 8)) ?? 0
      compare(
        PageTableEntry(oldWord, at: lower), PageTableEntry(newWord, at: lower), oldMemory,
        newMemory,
        Way(
          base: way.base &+ index &* lower.span, oldRights: way.oldRights,
          newRights: way.newRights))
    }
  }

  /// What cannot be looked at in a bounded time counts as harm.
  private mutating func spend() {
    budget -= 1
    if budget < 0 { isHarmful = true }
  }

  private mutating func compareRights(
    of leaf: PageTableEntry, _ oldRights: UInt64, _ newRights: UInt64
  ) {
    typealias Bit = PageTableEntry.Bit
    if oldRights == newRights { return }
    // With bit 63 inverted, a set bit is a right.
    let before = oldRights ^ Bit.noExecute
    let after = newRights ^ Bit.noExecute
    let gained = after & ~before
    let own = leaf.rawValue ^ Bit.noExecute
    if before & ~after != 0 || gained & ~own != 0 { return isHarmful = true }
    if gained & Bit.userSupervisor != 0 && holdsTable(leaf) { return isHarmful = true }
    openedPageCount += 1
  }

  private func holdsTable(_ leaf: PageTableEntry) -> Bool {
    let first = leaf.pageAddress.rawValue
    if leaf.level == .pageTable { return uses.isUsed(first) }
    return uses.frames.contains { $0 >= first && $0 - first < leaf.level.span }
  }
}
