// Every page that the range of a recursive slot should show.

import GuestMem
import MMU

extension AskedRecursion {
  /// The pages that should be there, by address: tables, and what large pages look like.
  ///
  /// - Complexity: O(*n* log *n*) in the number of tables and large pages.
  func pages() -> [ClosedRange<UInt64>] {
    var pages: [ClosedRange<UInt64>] = []
    let rootPage = address(of: rootLevel, turns: UInt64(rootLevel.rawValue), 0)
    pages.append(rootPage...rootPage | 0xfff)
    var last: [Level: UInt64] = [:]
    for (mapping, _) in mappings {
      add(
        rootLevel, from: mapping.linearAddress.rawValue, to: mapping.lastAddress, &last, to: &pages)
    }
    return pages.sorted { $0.lowerBound < $1.lowerBound }
  }

  /// Adds what the entries of `level` from `first` to `end` show, and those below them.
  ///
  /// `last` has the last entry of each level that was added: mappings can share tables.
  private func add(
    _ level: Level, from first: UInt64, to end: UInt64, _ last: inout [Level: UInt64],
    to pages: inout [ClosedRange<UInt64>]
  ) {
    var start = first & ~(level.span - 1)
    while true {
      let lastOfEntry = start &+ (level.span &- 1)
      let found = entry(at: level, start)
      if last[level] != start {
        last[level] = start
        show(level, start, found, in: &pages)
      }
      if case .table(let below) = found, below > .pageTable {
        add(below, from: max(first, start), to: min(end, lastOfEntry), &last, to: &pages)
      }
      if lastOfEntry >= end { return }
      start = lastOfEntry &+ 1
    }
  }

  /// Adds the pages that one entry shows.
  private func show(
    _ level: Level, _ first: UInt64, _ entry: Entry, in pages: inout [ClosedRange<UInt64>]
  ) {
    let turns = UInt64(level.rawValue) - 1
    let small = address(of: level, turns: turns, first)
    switch entry {
    case .absent: break
    case .table: pages.append(small...small | 0xfff)
    case .leaf:
      pages.append(small...small | 0xfff)
      if level == .pageDirectoryPointerTable {
        // One turn less, and it is a page of 2 MiB.
        let large = address(of: level, turns: turns - 1, first)
        pages.append(large...large | 0x1f_ffff)
      }
    }
  }

  /// Where the entry of `level` for addresses from `first` on is used `turns` levels further down.
  private func address(of level: Level, turns: UInt64, _ first: UInt64) -> UInt64 {
    let translated = rootLevel.span &* 512 &- 1
    var position = (first & translated) >> (9 * turns)
    var shift = rootLevel.indexShift
    for _ in 0..<turns {
      position |= index << shift
      shift -= 9
    }
    return width.signExtended(position)
  }
}
