// World, expect: what the model says must come of an operation.

import MMU

@testable import GuestMem

/// What an operation may do, by the model.
enum Expectation {
  /// It succeeds, with this answer where one is given, and the model is this then.
  case success(OperationResult?, Model)
  /// It fails with one of these errors and nothing changes.
  case failure(Set<String>)
}

extension World {
  /// Evaluates the operation on the model alone; `image` is memory before it, for the shape of
  /// tables, and `result` decides where the contract leaves a choice.
  func expectation(
    _ operation: Operation, before image: MemoryImage, result: OperationResult
  ) -> Expectation {
    var next = model
    if let range = rangeAskedFor(operation), leavesHalf(range) {
      return .failure([
        "range-not-canonical", "page-size-unsupported", "misaligned-linear-address",
      ])
    }
    switch operation {
    case .map(let page, let count, let target, let properties, let choice),
      .cursorMapRange(let page, let count, let target, let properties, let choice):
      let range = range(page, count)
      if case .exactly(let size) = choice, size.level.rawValue > next.highestLeafLevel {
        return .failure(["page-size-unsupported"])
      }
      guard isAligned(range, target, choice) else {
        return .failure([
          "misaligned-linear-address", "misaligned-physical-address", "misaligned-byte-count",
        ])
      }
      // A cursor whose covering node is below the page's level cannot tell what is in the way.
      guard next.indices(in: range).isEmpty else {
        return .failure(["already-mapped", "outside-cursor"])
      }
      let pages = next.pages(
        range, physical: target << 12, properties: properties, choice: choice,
        around: image.tables)
      if isObstructed(pages, image) { return .failure(["already-mapped", "outside-cursor"]) }
      next.insert(pages)
      return .success(.done, next)
    case .unmap(let page, let count):
      let range = range(page, count)
      next.splitAround(range.lowerBound)
      next.splitAround(range.upperBound)
      let byteCount = next.leaves[next.indices(in: range)].reduce(0) { $0 + next.span($1.level) }
      next.unmap(range)
      return .success(.byteCount(byteCount), next)
    case .cursorUnmap(let page, let count):
      next.unmap(range(page, count))
      return .success(.found(nil), next)
    case .protect(let page, let count, let change), .cursorProtect(let page, let count, let change):
      let byteCount = next.change(range(page, count)) { Self.apply(change, to: &$0) }
      return .success(.byteCount(byteCount), next)
    case .hardware(let page, let bits):
      let position = (base + page) << 12
      if let leaf = next.leaf(at: position), leaf.properties.rights.contains(.read) {
        let index = next.firstIndex(after: position)
        if bits & 0x20 != 0 { next.leaves[index].properties.isAccessed = true }
        if bits & 0x40 != 0 { next.leaves[index].properties.isDirty = true }
      }
      return .success(.done, next)
    case .find(let page, let count):
      let range = range(page, count)
      guard let index = next.indices(in: range).first else { return .success(.found(nil), next) }
      let found = max(next.leaves[index].start, range.lowerBound)
      return .success(.found(table.tables.address(found)), next)
    case .take(let page, let count):
      return expectedTake(range(page, count), result)
    case .protectNext(let page, let count, let properties):
      let range = range(page, count)
      guard let first = next.indices(in: range).first else { return .success(.found(nil), next) }
      let position = max(next.leaves[first].start, range.lowerBound)
      let index = next.splitToFit(position, before: range.upperBound)
      next.leaves[index].properties = properties
      return .success(.found(table.tables.address(position)), next)
    default:
      return expectedEntry(operation, before: image)
    }
  }

  /// The range that an operation names.
  func rangeAskedFor(_ operation: Operation) -> Range<UInt64>? {
    switch operation {
    case .map(let page, let count, _, _, _), .unmap(let page, let count),
      .protect(let page, let count, _), .take(let page, let count),
      .protectNext(let page, let count, _), .find(let page, let count),
      .cursorUnmap(let page, let count), .cursorProtect(let page, let count, _),
      .cursorMapRange(let page, let count, _, _, _):
      return range(page, count)
    case .cursorMap(let page, let level, _, _), .remap(let page, let level, _, _):
      return range(page, model.span(UInt64(level.rawValue)) >> 12)
    default: return nil
    }
  }

  /// True when a range is not inside one half of the space.
  func leavesHalf(_ range: Range<UInt64>) -> Bool {
    let half: UInt64 = 1 << (table.tables.addressWidth - 1)
    return range.lowerBound < half ? range.upperBound > half : range.upperBound > half << 1
  }

  /// Whether a page size that is asked for fits.
  func isAligned(_ range: Range<UInt64>, _ target: UInt64, _ choice: PageSizeChoice) -> Bool {
    guard case .exactly(let size) = choice else { return true }
    let mask = model.span(UInt64(size.level.rawValue)) - 1
    return (range.lowerBound | range.upperBound | target << 12) & mask == 0
  }

  /// True when an empty table that `allocateIfNone` made stands where a large page should go.
  func isObstructed(_ pages: [ModelLeaf], _ image: MemoryImage) -> Bool {
    let large = pages.filter { $0.level > 1 }
    return image.tables.contains { table in
      large.contains { $0.start == table.position && $0.level == table.level + 1 }
        || large.contains {
          $0.start <= table.position && table.position < model.end($0)
            && table.level < $0.level
        }
    }
  }

  static func apply(_ change: PropertyChange, to properties: inout PageProperties) {
    if let rights = change.rights { properties.rights = rights }
    if let isUser = change.isUser { properties.isUser = isUser }
    if let isGlobal = change.isGlobal { properties.isGlobal = isGlobal }
    if let isAccessed = change.isAccessed { properties.isAccessed = isAccessed }
    if let isDirty = change.isDirty { properties.isDirty = isDirty }
    if let memoryType = change.memoryType { properties.memoryType = memoryType }
    if let key = change.protectionKey { properties.protectionKey = key }
    if let bits = change.softwareBits { properties.softwareBits = bits }
  }

  /// A take removes the next page, split to fit, or a whole table that the range covers.
  private func expectedTake(_ range: Range<UInt64>, _ result: OperationResult) -> Expectation {
    var next = model
    guard let first = next.indices(in: range).first else { return .success(.found(nil), next) }
    let position = max(next.leaves[first].start, range.lowerBound)
    if case .table(let start, let byteCount, let mapped) = result {
      let mask: UInt64 = (1 << table.tables.addressWidth) - 1
      let taken = start & mask..<(start & mask) + byteCount
      let inside = next.indices(in: taken)
      let sum = next.leaves[inside].reduce(0) { $0 + next.span($1.level) }
      guard range.lowerBound <= taken.lowerBound, taken.upperBound <= range.upperBound,
        taken.contains(position), mapped == sum, byteCount % next.span(2) == 0
      else { return .failure(["a table that the range covers"]) }
      next.leaves.removeSubrange(inside)
      return .success(result, next)
    }
    let index = next.splitToFit(position, before: range.upperBound)
    var leaf = next.leaves.remove(at: index)
    leaf.start = table.tables.address(leaf.start)
    return .success(.page(leaf), next)
  }
}
