// EntryEvidence: what the entries beside one say about it.

/// What stands beside an entry in its table.
struct EntryEvidence {
  let step: WalkStep
  /// The 512 words of the table, 0 where none can be read.
  let words: [UInt64]

  init<Memory: PhysicalMemory & ~Copyable>(_ step: WalkStep, in memory: borrowing Memory) {
    self.step = step
    let table = step.entryAddress.rawValue & ~0xfff
    var words: [UInt64] = []
    words.reserveCapacity(512)
    for index in 0..<512 as Range<UInt64> {
      words.append(memory.loadWord(at: GuestPhysicalAddress(truncating: table + index * 8)) ?? 0)
    }
    self.words = words
  }

  /// Every byte of `word` is the same and not 0: something was stored over it.
  static func isUniform(_ word: UInt64) -> Bool {
    word != 0 && word == (word & 0xff) &* 0x0101_0101_0101_0101
  }

  /// The page where both neighbours, leaves of this size, say that this one's is.
  var pageBetweenNeighbours: UInt64? {
    let span = step.level.span
    guard step.index > 0, step.index < 511 else { return nil }
    let before = PageTableEntry(words[step.index - 1], at: step.level)
    let after = PageTableEntry(words[step.index + 1], at: step.level)
    guard before.isPresent, before.isLeaf, after.isPresent, after.isLeaf,
      before.pageAddress.rawValue &+ 2 &* span == after.pageAddress.rawValue
    else { return nil }
    return before.pageAddress.rawValue &+ span
  }

  /// The bits beside P and the address are those of a present entry of the table, A and D aside, or
  /// those that entries have which carry nothing else: so setting P makes an entry of it.
  var looksLikeEntryWithoutPresent: Bool {
    typealias Bit = PageTableEntry.Bit
    let word = step.entry.rawValue
    if Self.isUniform(word) || word & ~(Bit.noExecute | 0xfff) == 0 { return false }
    return hasTwin || word & Self.ownBits == 0
  }

  /// The bits beside the address are those of another link of the table, A and P aside, or those of a
  /// link that denies nothing and carries nothing else: a word of other bits was more than moved.
  var looksLikeMovedLink: Bool {
    typealias Bit = PageTableEntry.Bit
    let rights = step.entry.rawValue & (Bit.readWrite | Bit.userSupervisor | Bit.noExecute)
    return hasTwin
      || rights == Bit.readWrite | Bit.userSupervisor && step.entry.rawValue & Self.ownBits == 0
  }

  /// The bits of an entry that no rule of the architecture gives a meaning in a link, and keys.
  private static let ownBits: UInt64 = 0x7ff << 52 | 0xf << 8

  /// Another present entry of the table has the same bits beside P, the address, A and D.
  private var hasTwin: Bool {
    typealias Bit = PageTableEntry.Bit
    let mask = ~(Bit.address | Bit.accessed | Bit.dirty | Bit.present)
    return words.indices.contains { index in
      index != step.index && words[index] & Bit.present != 0
        && (words[index] ^ step.entry.rawValue) & mask == 0
    }
  }
}
