// World, step: one operation with everything that must hold before, after and around it.

import MMU

@testable import GuestMem

extension World {
  /// Performs the operation, compares with the model, evaluates the contracts and the frame
  /// conditions; answers what was wrong, or nil.
  mutating func step(_ operation: Operation, before: MemoryImage) -> String? {
    let stateBefore = RawState(self)
    let result = perform(operation)
    let expectation = expectation(operation, before: before, result: result)
    let after = image
    switch (expectation, result) {
    case (.failure(let names), .failed(let name)):
      guard names.contains(name) else { return "failed with \(name), expected \(names)" }
      if case .cursorMapRange(_, let count, _, _, .exactly(.size4KiB)) = operation, count > 1 {
        // Page by page: the pages before the obstacle stay.
        model.leaves = after.leaves
        break
      }
      guard RawState(self).differsOnlyInReclaimed(stateBefore) else {
        return "an error changed memory or metadata"
      }
    case (.failure(let names), let result):
      return "answered \(result), expected an error among \(names)"
    case (.success, .failed(let name)):
      return "failed with \(name)"
    case (.success(let answer, let next), let result):
      if let answer, answer != result { return "answered \(result), expected \(answer)" }
      model = next
    }
    if after.leaves != model.leaves {
      return "the tables say \(after.leaves), the model says \(model.leaves)"
    }
    if let changed = outsideChange(operation, before: before) { return changed }
    if let violation = violations.first { return violation.description }
    return nil
  }

  /// The first present word that changed though what it decides is outside the operation's range.
  func outsideChange(_ operation: Operation, before: MemoryImage) -> String? {
    let touched = touchedRange(operation)
    for entry in before.entries {
      let span = model.span(entry.level)
      guard entry.position >= touched.upperBound || entry.position + span <= touched.lowerBound
      else { continue }
      let now = memory.view.loadWord(
        at: physical(entry.frame << 12 | UInt64(entry.index) << 3))
      if now != entry.word {
        return "entry \(entry) outside the range is \(String(now ?? 0, radix: 16)) now"
      }
    }
    return nil
  }

  /// The positions that an operation may change, widened to the entry it works on.
  private func touchedRange(_ operation: Operation) -> Range<UInt64> {
    switch operation {
    case .hardware(let page, _): return range(page, 1)
    case .split(let page, let level), .collapse(let page, let level),
      .allocate(let page, let level), .replace(let page, let level, _, _),
      .entryProtect(let page, let level, _):
      let span = model.span(UInt64(level.rawValue))
      let start = (base + page) << 12 & ~(span - 1)
      return start..<start + span
    default: return rangeAskedFor(operation) ?? 0..<0
    }
  }
}

/// Memory and metadata of the first frames, to be compared and put back.
struct RawState {
  var words: [UInt64]
  var intervals: [Range<UInt64>]
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
    world.allocator.freeFrames = freeFrames
    world.allocator.stackTop = stackTop
  }
}
