// PageTables+Levels: tables of five levels that are read as four.

extension PageTables {
  /// These tables, read with four levels, look like tables of five.
  ///
  /// What four levels take for page tables are page directories then: every present entry has bit 7
  /// set, which is PS there and PAT in a PTE, and an address that is a multiple of 2 MiB; or every
  /// present entry leads to a frame in memory whose words are PTEs that follow one another.
  ///
  /// - Complexity: reads the words of at most 66 tables.
  public func lookLikeFiveLevels<Memory: PhysicalMemory & ~Copyable>(
    in memory: borrowing Memory
  ) -> Bool {
    guard configuration.rootLevel == .pageMapLevel4,
      let table = firstPageTable(rootAddress.rawValue, .pageMapLevel4, in: memory)
    else { return false }
    let words = Self.words(of: table, in: memory).filter { $0 & 1 != 0 }
    let isDirectory =
      words.count >= 2
      && words.allSatisfy { word in
        word & PageTableEntry.Bit.pageSize != 0
          && word & PageTableEntry.Bit.address % PageSize.size2MiB.byteCount == 0
      }
    if isDirectory { return true }
    return !words.isEmpty
      && words.prefix(64).allSatisfy { word in
        word & PageTableEntry.Bit.pageSize == 0
          && Self.looksLikePageTable(word & PageTableEntry.Bit.address, in: memory)
      }
  }

  /// The first frame that is used as a page table, with nothing but links on the way.
  private func firstPageTable<Memory: PhysicalMemory & ~Copyable>(
    _ frame: UInt64, _ level: Level, in memory: borrowing Memory
  ) -> UInt64? {
    guard let lower = level.lower else { return frame }
    for word in Self.words(of: frame, in: memory) where word & 1 != 0 {
      let entry = PageTableEntry(word, at: level)
      guard kind(of: entry, in: memory) == .table else { continue }
      return firstPageTable(entry.tableAddress.rawValue, lower, in: memory)
    }
    return nil
  }

  /// The frame has at least two words, all of them present, that lead to pages behind one another.
  private static func looksLikePageTable<Memory: PhysicalMemory & ~Copyable>(
    _ frame: UInt64, in memory: borrowing Memory
  ) -> Bool {
    let words = words(of: frame, in: memory)
    let used = words.indices.filter { words[$0] != 0 }
    guard used.count >= 2 else { return false }
    return zip(used, used.dropFirst()).allSatisfy { first, second in
      let step = UInt64(second - first) * 4096
      let mask = PageTableEntry.Bit.address
      return words[first] & words[second] & 1 != 0
        && words[first] & mask &+ step == words[second] & mask
    }
  }

  private static func words<Memory: PhysicalMemory & ~Copyable>(
    of frame: UInt64, in memory: borrowing Memory
  ) -> [UInt64] {
    var words: [UInt64] = []
    for index in 0..<512 as Range<UInt64> {
      let address = GuestPhysicalAddress(truncating: frame + index * 8)
      words.append(memory.loadWord(at: address) ?? 0)
    }
    return words
  }
}
