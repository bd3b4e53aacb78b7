// World, strict order: splits and collapses in which the entry is absent while caches are flushed.

import MMU

@testable import GuestMem

extension World {
  /// The same as without the order, and once an absent entry in between when something changes; nil
  /// for an operation that has no order.
  mutating func performStrictly(
    _ operation: Operation
  ) throws(EntryError) -> OperationResult? {
    var words: [UInt64] = []
    var violation: ContractViolation?
    var page: UInt64 = 0
    var wanted = Level.pageTable
    var isSplit = false
    switch operation {
    case .split(let at, let level): (page, wanted, isSplit) = (at, level, true)
    case .collapse(let at, let level): (page, wanted) = (at, level)
    default: return nil
    }
    defer {
      if let violation { fault = violation.description }
    }
    let view = memory.view
    let result = try table.withEntry(for: address(page), downTo: wanted, allocator: &allocator) {
      (entry, allocator) throws(EntryError) -> OperationResult in
      let place = physical(entry.table.address | UInt64(entry.index) << 3)
      let flush = { words.append(view.loadWord(at: place) ?? .max) }
      if isSplit {
        let node = try entry.splitIfLarge(allocator: &allocator, breakBeforeMake: flush)
        violation = node?.contractViolations().first
        return .found(node == nil ? nil : 1)
      }
      return .found(try entry.collapse(allocator: &allocator, breakBeforeMake: flush) ? 1 : nil)
    }
    let expected: [UInt64] = result == .found(nil) ? [] : [0]
    if words != expected { fault = "the entry was \(words) while caches were flushed" }
    return result
  }
}
