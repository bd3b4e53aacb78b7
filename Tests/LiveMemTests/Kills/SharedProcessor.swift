// SharedProcessor: walks tables that another process changes, as a processor of a guest does.

import GuestMem
import MMU
import TestSupport

@testable import LiveMem

/// A processor that keeps every table that it has found until it is asked to drop it.
struct SharedProcessor {
  private typealias Layout = KilledTablesLayout

  private let memory: MemoryView
  private let root: UInt64
  /// The table at level 1 for each 2 MiB that were walked.
  private var kept: [UInt64: UInt64] = [:]
  /// What went wrong, in words.
  private(set) var problems: [String] = []
  private(set) var walkCount = 0
  /// How often a walk began at a table that was kept.
  private(set) var keptCount = 0

  init(_ memory: MemoryView, root: UInt64) {
    self.memory = memory
    self.root = root
  }

  private mutating func fail(_ text: String) { if problems.count < 5 { problems.append(text) } }

  private func load(_ address: UInt64) -> UInt64 { memory.loadWord(at: physical(address)) ?? 0 }

  private func isTable(_ entry: UInt64, level: UInt64) -> Bool {
    if case .table = EntryClass(entry, level: level, in: .native) { true } else { false }
  }

  /// Drops what it keeps if it was asked to, and says so.
  mutating func acknowledge() {
    let requests = load(Layout.Word.requests.address)
    guard requests != load(Layout.Word.acknowledged.address) else { return }
    kept = [:]
    memory.storeWord(requests, at: physical(Layout.Word.acknowledged.address))
  }

  /// Reads or writes a page: sets A, or A and D, in its leaf.
  mutating func access(_ page: UInt64) {
    walkCount += 1
    var table = root
    var level: UInt64 = 4
    if let found = kept[page >> 9] {
      keptCount += 1
      (table, level) = (found, 1)
    }
    while true {
      let place = table | (page >> (9 * (level - 1)) & 511) << 3
      let entry = load(place)
      check(entry, page, level)
      if isTable(entry, level: level) {
        table = entry & EntryBits.address
        level -= 1
        if level == 1 { kept[page >> 9] = table }
        continue
      }
      if case .leaf = EntryClass(entry, level: level, in: .native) {
        _ = memory.compareExchangeWord(
          expected: entry, desired: entry | EntryBits.accessed | EntryBits.dirty,
          at: physical(place))
      }
      return
    }
  }

  /// What an entry for a page must be, whoever looks at which moment.
  private mutating func check(_ entry: UInt64, _ page: UInt64, _ level: UInt64) {
    let first = page & ~(1 << (9 * (level - 1)) - 1)
    if entry == FramePool<HardwareAccess>.poison {
      return fail("page \(page): poison at level \(level)")
    }
    switch EntryClass(entry, level: level, in: .native) {
    case .absent: break
    case .table:
      if (entry & EntryBits.address) >> 12 >= Layout.frameCount - 1 {
        fail("page \(page): a wild link \(String(entry, radix: 16)) at level \(level)")
      }
    case .leaf:
      let target = EntryBits.leafAddress(entry, shift: 12 + 9 * (level - 1))
      if target != Layout.target(ofPage: first) {
        fail("page \(page): leads to \(String(target, radix: 16)) at level \(level)")
      }
    case .invalid:
      if Mark(entry: entry) != Mark(.file, payload: first) {
        fail("page \(page): \(String(entry, radix: 16)) at level \(level)")
      }
    }
  }

  /// Looks at every entry that can be reached, when nobody changes the tables any more; no table is linked
  /// twice.
  mutating func checkAll() -> Int {
    var seen: Set<UInt64> = []
    checkTable(root, level: 4, firstPage: 0, &seen)
    return seen.count
  }

  private mutating func checkTable(
    _ table: UInt64, level: UInt64, firstPage: UInt64, _ seen: inout Set<UInt64>
  ) {
    guard seen.insert(table).inserted else { return fail("a table is linked twice") }
    for index in 0..<512 as Range<UInt64> {
      let entry = load(table | index << 3)
      let page = firstPage + index << (9 * (level - 1))
      if page >= Layout.pageCount && entry != 0 { fail("page \(page) is not absent") }
      check(entry, page, level)
      if isTable(entry, level: level), problems.isEmpty {
        checkTable(entry & EntryBits.address, level: level - 1, firstPage: page, &seen)
      }
    }
  }
}
