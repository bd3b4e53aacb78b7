// World, step: one operation with everything that must hold before, after and around it.

import MMU

@testable import GuestMem

extension World {
  /// Performs the operation, compares with the model, evaluates the contracts and the frame
  /// conditions; answers what was wrong, or nil.
  mutating func step(_ operation: Operation, before: MemoryImage) -> String? {
    let stateBefore = RawState(self)
    let result = perform(operation)
    if let fault { return fault }
    let expectation = expectation(operation, before: before, result: result)
    let after = image
    if let wrong = judgeLocks(before: before, after: after) { return wrong }
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
    if let changed = stateBefore.change(
      to: RawState(self), outside: touchedRange(operation), before: before, after: after,
      model: model, pageFrameCount: pageFrameCount)
    {
      return changed
    }
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
  func touchedRange(_ operation: Operation) -> Range<UInt64> {
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
