// TinyProcessor: a processor that keeps every translation that it may keep, for as long as it may.

import GuestMem
import MMU

@testable import LiveMem

/// A processor that walks the tables of a `TinyWorld`, as a thread of a schedule.
///
/// It is the worst that the architecture allows: whatever it has walked it keeps and uses until it is
/// asked to drop it, entries that lead to tables as well. When a walk comes is the schedule's affair.
///
/// Source: Intel SDM volume 3A, sections 5.10.2 and 5.10.3 (TLBs and paging-structure caches), and
/// 5.8 (A and D are set by locked operations that check the entry again).
final class TinyProcessor<Configuration: TinyConfiguration> {
  private let world: TinyWorld<Configuration>
  private let number: Int
  /// What a page leads to: the leaf as it was walked.
  private var leaves: [Int: UInt64] = [:]
  /// The table below an entry of the root, by index.
  private var tables: [Int: TableFrame] = [:]
  /// The table below an entry of the middle level, by index from the start of the space.
  private var lowTables: [Int: TableFrame] = [:]
  /// Physical pages that nobody may reach any more.
  private var released: Set<Int> = []
  /// Pages that nobody may write any more.
  private var readOnly: Set<Int> = []
  /// A word that is written when pages are released and read when a page is used, so that the two
  /// are tried in both orders.
  private let turn = WordLines(count: 1)
  /// Where each page may lead.
  var allowed: [Int: Set<Int>] = [:]
  /// The physical pages that were written.
  private(set) var written: Set<Int> = []
  /// How often a translation was used that was kept.
  private(set) var keptUses = 0

  init(_ world: TinyWorld<Configuration>, number: Int = 0) {
    self.world = world
    self.number = number
  }

  /// From now on nobody may reach these physical pages, or write these pages.
  func release(_ targets: [Int], readOnly pages: Range<Int> = 0..<0) {
    _ = ScheduledAccess.fetchAdd(turn.word(0), 1)
    released.formUnion(targets)
    readOnly.formUnion(pages)
  }

  func activate() {
    do { try world.table.processors.activate(number) } catch { world.fail("\(error)") }
  }

  /// Loads another root, and leaves the set.
  func deactivate() {
    drop()
    do { try world.table.processors.deactivate(number) } catch { world.fail("\(error)") }
  }

  private func drop() {
    leaves = [:]
    tables = [:]
    lowTables = [:]
  }

  /// Drops what was asked for and nothing else.
  func handleRequests() {
    world.table.processors.handleRequests(number) { request in
      if request.isEverything { return drop() }
      for range in request.ranges {
        for page in range.lowerBound >> 12..<(range.upperBound >> 12) {
          // INVLPG: the page, and whatever upper entries lead there.
          leaves[Int(page)] = nil
          tables[Int(page) / 4] = nil
          lowTables[Int(page) / 2] = nil
        }
      }
    }
  }

  /// Reads or writes a page; a fault is no access.
  func access(_ page: Int, writes: Bool) {
    let wanted: UInt64 =
      EntryBits.accessed | (writes ? EntryBits.dirty | EntryBits.writable : 0)
    if let leaf = leaves[page], leaf & wanted == wanted {
      keptUses += 1
      return use(leaf, page, writes)
    }
    for _ in 0..<4 {
      guard let (word, entry, shift) = walk(page) else { return }
      if writes && entry & EntryBits.writable == 0 { return }
      var leaf = entry
      let marked = entry | EntryBits.accessed | (writes ? EntryBits.dirty : 0)
      if leaf != marked {
        guard ScheduledAccess.compareExchange(word, &leaf, marked) else {
          if leaf == FramePool<ScheduledAccess>.poison { world.fail("poison in a walked table") }
          continue
        }
      }
      // A leaf of two pages is kept for the page that was walked.
      let target =
        EntryBits.leafAddress(marked, shift: shift) | UInt64(page) << 12 & (1 << shift - 1)
      let kept = marked & ~EntryBits.address | target
      leaves[page] = kept
      return use(kept, page, writes)
    }
  }

  /// The word of the leaf for a page, from the lowest table that is kept.
  private func walk(_ page: Int) -> (SharedWord, UInt64, shift: UInt64)? {
    var table = world.table.root
    var level: UInt64 = 3
    if let kept = lowTables[page / 2] {
      (table, level) = (kept, 1)
    } else if let kept = tables[page / 4] {
      (table, level) = (kept, 2)
    }
    while true {
      let word = world.table.places.word(table, Configuration.index(UInt64(page) << 12, level))
      let entry = ScheduledAccess.load(word)
      switch EntryClass(entry, level: level, in: .native) {
      case .absent, .invalid: return nil
      case .leaf: return (word, entry, Configuration.shift(level))
      case .table:
        guard let child = world.table.tables.memory.table(linkedBy: entry) else { return nil }
        if level == 3 { tables[page / 4] = child } else { lowTables[page / 2] = child }
        table = child
        level -= 1
      }
    }
  }

  private func use(_ leaf: UInt64, _ page: Int, _ writes: Bool) {
    let target = Int((leaf & EntryBits.address) >> 12)
    _ = ScheduledAccess.load(turn.word(0))
    if released.contains(target) {
      world.fail("the processor reached physical page \(target), which was released")
    }
    if allowed[page]?.contains(target) != true {
      world.fail("page \(page) led to physical page \(target), where it never was mapped")
    }
    guard writes else { return }
    if readOnly.contains(page) {
      world.fail("the processor wrote page \(page), which is read-only")
    }
    written.insert(target)
  }
}
