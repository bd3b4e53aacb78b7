// Lie: words in tables that somebody changed behind the back of whoever built them.

import GuestMem
import MMU
import TestImages
import TestSupport

/// A change of one or two words of tables.
public struct Lie: Hashable, Sendable {
  /// What kinds of lies there are.
  public enum Kind: String, CaseIterable, Sendable {
    /// One bit of one word is another.
    case flippedBit = "a flipped bit"
    /// A page is mapped where none was.
    case addedPage = "an added page"
    /// A leaf stands in another entry, or leads elsewhere.
    case movedMapping = "a moved mapping"
    /// A leaf or an entry above it has other attributes.
    case changedAttribute = "a changed attribute"
  }

  struct Change: Hashable, Sendable {
    let address: UInt64
    let before: UInt64
    let after: UInt64
  }

  /// What kind of lie it is.
  public let kind: Kind
  let changes: [Change]

  /// The words, for whoever repeats it.
  public var words: String {
    kind.rawValue + ": "
      + changes.map { "\(hex($0.address)): \(hex($0.before)) -> \(hex($0.after))" }
      .joined(separator: ", ")
  }

  /// Writes it into the tables.
  func tell(in memory: MemoryView) {
    for change in changes {
      memory.storeWord(change.after, at: GuestPhysicalAddress(truncating: change.address))
    }
  }

  /// Puts back what was there.
  func takeBack(in memory: MemoryView) {
    for change in changes.reversed() {
      memory.storeWord(change.before, at: GuestPhysicalAddress(truncating: change.address))
    }
  }
}

/// Makes lies about the tables of one space.
struct LieMaker {
  let memory: MemoryView
  /// The frames of the tables and the levels that they are used at.
  private var tables: [(frame: UInt64, level: UInt64)] = []
  private var present: [(address: UInt64, level: UInt64)] = []

  init(root: UInt64, rootLevel: UInt64, _ memory: MemoryView) {
    self.memory = memory
    var pending = [(frame: root & 0x000f_ffff_ffff_f000, level: rootLevel)]
    while let table = pending.popLast() {
      tables.append(table)
      for index in 0..<UInt64(512) {
        let word = load(table.frame + index * 8)
        guard word & 1 != 0 else { continue }
        present.append((table.frame + index * 8, table.level))
        let isLeaf = table.level == 1 || (table.level <= 3 && word & 0x80 != 0)
        if !isLeaf { pending.append((word & 0x000f_ffff_ffff_f000, table.level - 1)) }
      }
    }
  }

  private func load(_ address: UInt64) -> UInt64 {
    memory.loadWord(at: GuestPhysicalAddress(truncating: address)) ?? 0
  }

  /// A lie that `random` chooses; nil where the tables have nothing to lie about in its way.
  func lie(_ kind: Lie.Kind, _ random: inout SeededGenerator) -> Lie? {
    switch kind {
    case .flippedBit: flippedBit(&random)
    case .addedPage: addedPage(&random)
    case .movedMapping: movedMapping(&random)
    case .changedAttribute: changedAttribute(&random)
    }
  }

  private func flippedBit(_ random: inout SeededGenerator) -> Lie? {
    let address: UInt64
    if random.once(in: 2), let entry = present.randomElement(using: &random) {
      address = entry.address
    } else if let table = tables.randomElement(using: &random) {
      address = table.frame + random.below(512) * 8
    } else {
      return nil
    }
    let word = load(address)
    return Lie(.flippedBit, (address, word ^ 1 << random.below(64)), in: self)
  }

  /// A leaf in an entry that is not present, of a size that processors have.
  private func addedPage(_ random: inout SeededGenerator) -> Lie? {
    guard let table = tables.filter({ $0.level <= 3 }).randomElement(using: &random) else {
      return nil
    }
    let address = table.frame + random.below(512) * 8
    guard load(address) & 1 == 0 else { return nil }
    let size: UInt64 = 1 << (12 + 9 * (table.level - 1))
    let frames = max(1, memory.byteCount / size)
    var word = random.below(frames) * size | 1
    // R/W, U/S and XD as chance has it.
    word |= random.next() & (1 << 63 | 6)
    if table.level > 1 { word |= 0x80 }
    return Lie(.addedPage, (address, word), in: self)
  }

  private func leaves() -> [(address: UInt64, level: UInt64)] {
    present.filter { $0.level == 1 || ($0.level <= 3 && load($0.address) & 0x80 != 0) }
  }

  private func movedMapping(_ random: inout SeededGenerator) -> Lie? {
    guard let leaf = leaves().randomElement(using: &random) else { return nil }
    let word = load(leaf.address)
    let size: UInt64 = 1 << (12 + 9 * (leaf.level - 1))
    if random.once(in: 2) {
      // To another frame of memory.
      let frame = random.below(max(1, memory.byteCount / size)) * size
      // The low address bits of a large page are PAT and reserved.
      let moved = word & ~(0x000f_ffff_ffff_f000 & ~(size - 1)) | frame
      return Lie(.movedMapping, (leaf.address, moved), in: self)
    }
    let slot = leaf.address & ~0xfff | random.below(512) * 8
    guard slot != leaf.address, load(slot) & 1 == 0 else { return nil }
    return Lie(.movedMapping, (leaf.address, 0), (slot, word), in: self)
  }

  private func changedAttribute(_ random: inout SeededGenerator) -> Lie? {
    guard let entry = present.randomElement(using: &random) else { return nil }
    let word = load(entry.address)
    let isLarge = entry.level > 1 && word & 0x80 != 0
    // R/W, U/S, PWT and PCD, A, D, G, software's bits, PAT, the key, XD.
    let fields: [UInt64] = [
      1 << 1, 1 << 2, 3 << 3, 1 << 5, 1 << 6, 1 << 8, 7 << 9, 0x7f << 52,
      isLarge ? 1 << 12 : entry.level == 1 ? 1 << 7 : 1 << 6, 15 << 59, 1 << 63,
    ]
    let field = fields[Int(random.below(UInt64(fields.count)))]
    var other = random.next() & field
    if other == word & field { other = ~word & field }
    return Lie(.changedAttribute, (entry.address, word & ~field | other), in: self)
  }
}

extension Lie {
  fileprivate init(
    _ kind: Kind, _ words: (address: UInt64, word: UInt64)..., in maker: LieMaker
  ) {
    self.kind = kind
    changes = words.map { change in
      Change(
        address: change.address,
        before: maker.memory.loadWord(at: GuestPhysicalAddress(truncating: change.address)) ?? 0,
        after: change.word)
    }
  }
}
