// Suspicion: a table on the way that does not look like one, or not like one of its level.

/// An entry that is suspected although the walk went on below it.
public struct Suspicion: Hashable, Sendable {
  /// Why a link is suspected.
  public enum Reason: Hashable, Sendable {
    /// Another entry, at this place, links the same frame as a table of another level.
    case otherLevel(EntryReference)
    /// So many of the table's present words cannot be entries, of so many.
    case notATable(impossibleCount: Int, presentCount: Int)
  }

  /// The entry that links the table.
  public let step: WalkStep
  /// Why it is suspected.
  public let reason: Reason

  /// What is wrong, in one sentence without a full stop.
  public var sentence: String {
    let lower = step.level.lower ?? step.level
    let table =
      "the \(lower.abbreviation) at 0x\(String(step.entry.tableAddress.rawValue, radix: 16))"
    switch reason {
    case .otherLevel(let link):
      let used = link.level.lower ?? link.level
      return
        "\(step.place) links a table as \(lower.abbreviation) that the \(link.level.entryName) "
        + "at 0x\(String(link.address.rawValue, radix: 16)) links as \(used.abbreviation): "
        + "one of the two links is wrong"
    case .notATable(let impossible, let present):
      return
        "\(table), which \(step.place) links, does not look like a table: \(impossible) of its "
        + "\(present) present words lead beyond all memory or have reserved bits; the link is wrong, "
        + "or the table was overwritten"
    }
  }
}

extension Walk {
  /// The first entry on the way whose table does not look like one of its level.
  func suspicion<Memory: PhysicalMemory & ~Copyable>(
    configuration: PagingConfiguration, in memory: borrowing Memory, _ uses: TableUses
  ) -> Suspicion? {
    for step in steps where step.entry.isPresent && !step.entry.isLeaf {
      guard let lower = step.level.lower, step.entry.reservedBits(in: configuration) == 0 else {
        continue
      }
      let frame = step.entry.tableAddress.rawValue
      if !uses.isRecursive {
        let place = EntryReference(step.entryAddress, level: step.level)
        for level in Level.allCases where level != lower {
          if let link = uses.links(to: frame, at: level).first(where: { $0 != place }) {
            return Suspicion(step: step, reason: .otherLevel(link))
          }
        }
        if frame == rootAddress.rawValue { continue }
      }
      var present = 0
      var impossible = 0
      for index in 0..<512 as Range<UInt64> {
        guard
          let word = memory.loadWord(
            at: GuestPhysicalAddress(truncating: frame + index * 8)), word & 1 != 0
        else { continue }
        present += 1
        let entry = PageTableEntry(word, at: lower)
        // Sizes of memory end long before this bit, and addresses of devices as well.
        if entry.reservedBits(in: configuration) != 0 || entry.tableAddress.rawValue >> 46 != 0 {
          impossible += 1
        }
      }
      if impossible >= 3 && impossible * 2 > present {
        return Suspicion(
          step: step, reason: .notATable(impossibleCount: impossible, presentCount: present))
      }
    }
    return nil
  }
}
