// MemoryImage: what stands in memory and metadata, read word by word, to be compared or put back.

import GuestMem
import MMU

/// A table that a walk reached, with where it stands in the linear space.
struct ImageTable: Hashable {
  var frame: UInt64
  var level: UInt64
  var position: UInt64
}

/// One present entry, with what it decides.
struct ImageEntry: Hashable {
  var frame: UInt64
  var index: Int
  var level: UInt64
  var position: UInt64
  var word: UInt64
}

/// The tables and entries below a root, found by a walk that knows nothing of the code under test.
struct MemoryImage: Hashable {
  var tables: [ImageTable] = []
  var entries: [ImageEntry] = []
  var leaves: [ModelLeaf] = []
  private var ownership = LeafOwnership.none

  /// Nothing at all.
  init() {}

  init(
    root: UInt64, rootLevel: UInt64, indexBits: UInt64, format: EntryFormat = .native,
    ownership: LeafOwnership = .none, memory: MemoryView
  ) {
    self.ownership = ownership
    walk(
      root, level: rootLevel, position: 0, indexBits: indexBits, format: format, memory: memory)
  }

  private mutating func walk(
    _ table: UInt64, level: UInt64, position: UInt64, indexBits: UInt64, format: EntryFormat,
    memory: MemoryView
  ) {
    tables.append(ImageTable(frame: table >> 12, level: level, position: position))
    let shift = 12 + indexBits * (level - 1)
    for index in 0..<1 << Int(indexBits) {
      guard let word = memory.loadWord(at: physical(table | UInt64(index) << 3)), word != 0
      else { continue }
      let start = position | UInt64(index) << shift
      entries.append(
        ImageEntry(frame: table >> 12, index: index, level: level, position: start, word: word))
      let isLarge = level > 1 && word & 0x80 != 0
      if level == 1 || isLarge {
        let address = word & 0x000f_ffff_ffff_f000 & ~((1 << shift) - 1)
        let properties = PageProperties(
          leafEntry: word, level: Level(rawValue: UInt8(level)) ?? .pageTable, in: format)
        leaves.append(leaf(start, level, address, properties))
      } else {
        walk(
          word & 0x000f_ffff_ffff_f000, level: level - 1, position: start,
          indexBits: indexBits, format: format, memory: memory)
      }
    }
  }

  /// The leaf without the mark of ownership in its properties.
  private func leaf(
    _ start: UInt64, _ level: UInt64, _ physical: UInt64, _ properties: PageProperties
  ) -> ModelLeaf {
    var leaf = ModelLeaf(
      start: start, level: level, physical: physical, properties: properties)
    switch ownership {
    case .none: break
    case .trackedWhenSet(let bit), .trackedWhenClear(let bit):
      let isMarked = properties.softwareBits >> bit & 1 != 0
      leaf.properties.softwareBits &= ~(1 << bit)
      if case .trackedWhenSet = ownership { leaf.isTracked = isMarked }
      if case .trackedWhenClear = ownership { leaf.isTracked = !isMarked }
    }
    return leaf
  }

  /// Everything but frame numbers: equal for tables that mean the same with the same shape.
  var shape: [UInt64] {
    var shape: [UInt64] = []
    shape.reserveCapacity(tables.count + entries.count * 2)
    for table in tables { shape.append(table.level << 60 | table.position) }
    for entry in entries {
      let isLeaf = entry.level == 1 || entry.word & 0x80 != 0
      shape.append(entry.level << 60 | entry.position)
      shape.append(isLeaf ? entry.word : entry.word & 0xfff)
    }
    return shape
  }

  /// Tables with nothing present in them, besides the root.
  var emptyTables: [ImageTable] {
    tables.dropFirst().filter { table in !entries.contains { $0.frame == table.frame } }
  }
}
