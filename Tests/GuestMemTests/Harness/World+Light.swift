// World, light: a step that looks at a few addresses only, for millions of operations.

import MMU

@testable import GuestMem

extension World {
  /// Performs the operation, compares the answer with the model, and translates addresses at the
  /// borders of what was touched; answers what was wrong, or nil.
  mutating func lightStep(_ operation: Operation, probe: UInt64) -> String? {
    let free = allocator.freeFrames
    let before = locks == nil ? MemoryImage() : image
    let result = perform(operation)
    if let fault { return fault }
    if locks != nil, let wrong = judgeLocks(before: before, after: image) { return wrong }
    let nothing = MemoryImage()
    let isRefused: Bool
    switch (expectation(operation, before: nothing, result: result), result) {
    case (.failure(let names), .failed(let name)):
      guard names.contains(name) else { return "failed with \(name), expected \(names)" }
      isRefused = true
    case (.failure(let names), let result):
      return "answered \(result), expected an error among \(names)"
    case (.success, .failed(let name)):
      return "failed with \(name)"
    case (.success(let answer, let next), let result):
      if let answer, answer != result { return "answered \(result), expected \(answer)" }
      model = next
      isRefused = false
    }
    if isRefused && allocator.freeFrames != free { return "an error took or gave back frames" }
    let touched = rangeAskedFor(operation) ?? 0..<0
    let mask: UInt64 = (1 << table.tables.addressWidth) - 1
    for position in [
      touched.lowerBound, touched.lowerBound &- 1, touched.upperBound, touched.upperBound &- 1,
      probe,
    ] {
      if let wrong = compare(at: position & mask) { return wrong }
    }
    return nil
  }

  /// Compares the translation of one position with the model.
  func compare(at position: UInt64) -> String? {
    let address = LinearAddress(truncating: table.tables.address(position), width: .bits57)
    let found = table.translate(address)
    let expected = model.leaf(at: position)
    guard let found, let expected else {
      guard found == nil, expected == nil else {
        return "\(position) gives \(String(describing: found)), not \(String(describing: expected))"
      }
      return nil
    }
    guard found.physicalAddress.rawValue == expected.physical + (position - expected.start),
      UInt64(found.level.rawValue) == expected.level, found.properties == expected.properties
    else { return "\(position) gives \(found), not \(expected)" }
    return nil
  }
}
