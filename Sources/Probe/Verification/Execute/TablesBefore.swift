// TablesBefore: the words of all tables as they were before any probe.

import GuestMem
import MMU

/// What each table held when a pass began, the stamps in free slots included.
///
/// The machine's RAM is a copy of memory to which nobody writes during the pass, and a table there
/// is compared with its original. Only the words of other tables, such as the root's copy in the
/// agent's slot, are kept here.
struct TablesBefore {
  private let memory: ProbeMemory
  private let original: ProbeMemory?
  private let frames: [UInt64]
  /// By table, the free slot that carries a stamp, or -1.
  private var stampedSlots: [Int16]
  /// The words of tables without an original, by the position of the table.
  private var kept: [Int: [UInt64]] = [:]

  /// Takes the tables `frames` as they are in `memory`, whose RAM is a copy of `original`.
  ///
  /// `contents` says which of them carry a stamp. Without `original` the words of all are kept.
  init(
    _ frames: [UInt64], in memory: ProbeMemory, copyOf original: ProbeMemory?,
    _ contents: [UInt64: FrameContent]
  ) {
    self.memory = memory
    self.original = original
    self.frames = frames
    stampedSlots = [Int16](repeating: -1, count: frames.count)
    for (position, frame) in frames.enumerated() {
      if case .table(let slot) = contents[frame] { stampedSlots[position] = Int16(slot) }
      if original?.offset(of: frame) == nil || memory.offset(of: frame) == nil {
        kept[position] = memory.tableWords(at: frame)
      }
    }
  }

  /// The number of tables.
  var count: Int { frames.count }

  /// The 512 words of a table, by its position.
  func words(_ position: Int) -> [UInt64] {
    if let words = kept[position] { return words }
    var words = original?.tableWords(at: frames[position]) ?? []
    let slot = stampedSlots[position]
    if slot >= 0 { words[Int(slot)] = FrameStamp.tableWord(for: frames[position]) }
    return words
  }

  /// A word, by the position of its table times 512 plus its index.
  func word(_ number: Int) -> UInt64 {
    let (position, index) = (number >> 9, number & 511)
    if let words = kept[position] { return words[index] }
    if Int(stampedSlots[position]) == index { return FrameStamp.tableWord(for: frames[position]) }
    let place = frames[position] + UInt64(index) * 8
    return original?.loadWord(at: GuestPhysicalAddress(truncating: place)) ?? 0
  }

  /// True when every word of a table is as it was.
  func isUnchanged(_ position: Int) -> Bool {
    let frame = frames[position]
    guard kept[position] == nil, let original, stampedSlots[position] < 0 else {
      return memory.tableWords(at: frame) == words(position)
    }
    guard let place = memory.offset(of: frame), let source = original.offset(of: frame) else {
      return false
    }
    return memory.ram.hasWords(
      at: GuestPhysicalAddress(truncating: place), like: original.ram,
      at: GuestPhysicalAddress(truncating: source), count: 512)
  }

  /// Writes the words of a table as they were.
  func restore(_ position: Int) { memory.writeTable(words(position)[...], at: frames[position]) }

  /// Writes every table as it was, where it is not.
  func restoreAll() {
    for position in frames.indices where !isUnchanged(position) { restore(position) }
  }

  /// Empties the slots that carry stamps, which another pass may need.
  func removeStamps() {
    for (position, slot) in stampedSlots.enumerated() where slot >= 0 {
      memory.storeWord(
        0, at: GuestPhysicalAddress(truncating: frames[position] + UInt64(slot) * 8))
    }
  }
}
