// RawState: memory and metadata word by word, to be compared and put back.

import MMU

@testable import GuestMem

/// Memory and metadata of the first frames, to be compared and put back.
struct RawState {
  var words: [UInt64]
  var intervals: [Range<UInt64>]
  var run: (start: UInt64, end: UInt64)
  var freeFrames: UInt64
  var stackTop: UInt64

  init<Configuration>(_ world: borrowing World<Configuration>) {
    let frames = world.allocator.metadata.frameCount
    let wordCount = UInt64(Configuration.entryCount)
    var words: [UInt64] = []
    words.reserveCapacity(Int(frames * (wordCount + 2)))
    for frame in 0..<min(frames, 64) {
      let ownership = world.allocator.metadata.ownership(of: frame)
      words.append(ownership.rawValue)
      words.append(world.allocator.metadata.nodeState(of: frame).rawValue)
      if ownership == .unused { continue }
      for index in 0..<wordCount {
        words.append(world.memory.view.loadWord(at: physical(frame << 12 | index << 3)) ?? 0)
      }
    }
    self.words = words
    intervals = world.allocator.intervals
    run = (world.allocator.runStart, world.allocator.runEnd)
    freeFrames = world.allocator.freeFrames
    stackTop = world.allocator.stackTop
  }

  func differsOnlyInReclaimed(_ other: RawState) -> Bool {
    words == other.words && freeFrames == other.freeFrames
  }

  /// Puts memory, metadata and allocator back.
  func restore<Configuration>(_ world: inout World<Configuration>) {
    let wordCount = UInt64(Configuration.entryCount)
    world.allocator.collectReturned()
    var cursor = 0
    for frame in 0..<min(world.allocator.metadata.frameCount, 64) {
      let ownership = FrameOwnership(rawValue: words[cursor])
      world.allocator.metadata.setOwnership(ownership, of: frame)
      world.allocator.metadata.setNodeState(NodeState(rawValue: words[cursor + 1]), of: frame)
      cursor += 2
      if ownership == .unused { continue }
      for index in 0..<wordCount {
        world.memory.view.storeWord(words[cursor], at: physical(frame << 12 | index << 3))
        cursor += 1
      }
    }
    world.allocator.intervals = intervals
    (world.allocator.runStart, world.allocator.runEnd) = run
    world.allocator.freeFrames = freeFrames
    world.allocator.stackTop = stackTop
  }
}

extension RawState {
  /// The first word or metadata word that changed though nothing the operation may touch is there.
  ///
  /// Tables that neither hold nor lead to a touched address stay as they are, metadata included;
  /// of the others every entry that decides other addresses, absent ones too. Frames that were
  /// neither free nor tables stay as they are; of those that pages own, the contracts tell how many
  /// owners they have.
  func change(
    to after: RawState, outside touched: Range<UInt64>, before image: MemoryImage,
    after newImage: MemoryImage, model: Model, pageFrameCount: UInt64
  ) -> String? {
    var old = RawFrames(words, entryCount: 1 << Int(model.indexBits))
    var new = RawFrames(after.words, entryCount: 1 << Int(model.indexBits))
    let tables = Dictionary(uniqueKeysWithValues: image.tables.map { ($0.frame, $0) })
    let newTables = Dictionary(uniqueKeysWithValues: newImage.tables.map { ($0.frame, $0) })
    var frame: UInt64 = 0
    while let was = old.next(), let now = new.next() {
      defer { frame += 1 }
      guard let table = tables[frame] else {
        var then = was
        if frame < pageFrameCount { then.ownership = now.ownership }
        if was.ownership != 0, then != now { return "frame \(frame), no table, was \(was)" }
        continue
      }
      // A table that was given back, and perhaps taken again.
      guard newTables[frame] == table else { continue }
      let span = model.span(table.level)
      let end = table.position + model.span(table.level + 1)
      if table.position >= touched.upperBound || end <= touched.lowerBound {
        if was != now { return "table \(table) outside the range was \(was)" }
        continue
      }
      if was.ownership != now.ownership || was.state & 0xffff != now.state & 0xffff {
        return "the metadata of table \(table) was \(was)"
      }
      for (index, (old, new)) in zip(was.entries, now.entries).enumerated() where old != new {
        let start = table.position + UInt64(index) * span
        if start >= touched.upperBound || start + span <= touched.lowerBound {
          return "entry \(index) of \(table) outside the range was \(String(old, radix: 16))"
        }
      }
    }
    return nil
  }
}

/// The words of a ``RawState``, frame by frame.
struct RawFrames: IteratorProtocol {
  struct Frame: Equatable {
    var ownership: UInt64
    var state: UInt64
    var entries: ArraySlice<UInt64>
  }

  let words: [UInt64]
  let entryCount: Int
  var cursor = 0

  init(_ words: [UInt64], entryCount: Int) {
    self.words = words
    self.entryCount = entryCount
  }

  mutating func next() -> Frame? {
    guard cursor < words.count else { return nil }
    let isFree = words[cursor] == 0
    let start = cursor + 2
    let end = isFree ? start : start + entryCount
    defer { cursor = end }
    return Frame(
      ownership: words[cursor], state: words[cursor + 1], entries: words[start..<end])
  }
}
