// Model: what an address space is, without any tables: a sorted list of pages.

import GuestMem
import MMU

/// One page of the model, or of the view that a walk of memory gives.
struct ModelLeaf: Hashable {
  /// The linear address without sign extension.
  var start: UInt64
  /// The level of the leaf.
  var level: UInt64
  var physical: UInt64
  /// Without the software bit that tells owned pages.
  var properties: PageProperties
  /// The page owns a share of each of its frames.
  var isTracked = false
}

/// The reference semantics of all operations, written without looking at tables.
struct Model: Hashable {
  var leaves: [ModelLeaf] = []
  let indexBits: UInt64
  let highestLeafLevel: UInt64

  func span(_ level: UInt64) -> UInt64 { 4096 << (indexBits * (level - 1)) }

  func end(_ leaf: ModelLeaf) -> UInt64 { leaf.start + span(leaf.level) }

  /// The index of the first page that ends after `position`.
  func firstIndex(after position: UInt64) -> Int {
    var low = 0
    var high = leaves.count
    while low < high {
      let middle = (low + high) / 2
      if end(leaves[middle]) > position { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// The indices of the pages that overlap a range.
  func indices(in range: Range<UInt64>) -> Range<Int> {
    let first = firstIndex(after: range.lowerBound)
    var last = first
    while last < leaves.count, leaves[last].start < range.upperBound { last += 1 }
    return first..<last
  }

  /// Splits one page into pages of the next smaller size.
  mutating func split(at index: Int) {
    let leaf = leaves[index]
    let piece = span(leaf.level - 1)
    let pieces = (0..<UInt64(1) << indexBits).map { number in
      ModelLeaf(
        start: leaf.start + number * piece, level: leaf.level - 1,
        physical: leaf.physical + number * piece, properties: leaf.properties,
        isTracked: leaf.isTracked)
    }
    leaves.replaceSubrange(index...index, with: pieces)
  }

  /// Splits until no page has `border` strictly inside.
  mutating func splitAround(_ border: UInt64) {
    while true {
      let index = firstIndex(after: border)
      guard index < leaves.count, leaves[index].start < border else { return }
      split(at: index)
    }
  }

  /// Splits until the page at `position` starts there and ends before `limit`.
  mutating func splitToFit(_ position: UInt64, before limit: UInt64) -> Int {
    while true {
      let index = firstIndex(after: position)
      if leaves[index].start == position && end(leaves[index]) <= limit { return index }
      split(at: index)
    }
  }

  /// The pages that a mapping consists of.
  func pages(
    _ range: Range<UInt64>, physical: UInt64, properties: PageProperties, choice: PageSizeChoice,
    around tables: [ImageTable] = []
  ) -> [ModelLeaf] {
    var pages: [ModelLeaf] = []
    var position = range.lowerBound
    while position < range.upperBound {
      let target = physical + (position - range.lowerBound)
      var level: UInt64
      switch choice {
      case .exactly(let size): level = UInt64(size.level.rawValue)
      case .largest:
        level = highestLeafLevel
        while (position | target) % span(level) != 0 || range.upperBound - position < span(level)
          || tables.contains(where: { $0.level + 1 == level && $0.position == position })
        {
          level -= 1
        }
      }
      pages.append(
        ModelLeaf(start: position, level: level, physical: target, properties: properties))
      position += span(level)
    }
    return pages
  }

  mutating func insert(_ pages: [ModelLeaf]) {
    guard let first = pages.first else { return }
    leaves.insert(contentsOf: pages, at: firstIndex(after: first.start))
  }

  mutating func unmap(_ range: Range<UInt64>) {
    splitAround(range.lowerBound)
    splitAround(range.upperBound)
    leaves.removeSubrange(indices(in: range))
  }

  mutating func change(
    _ range: Range<UInt64>, _ change: (inout PageProperties) -> Void
  ) -> UInt64 {
    splitAround(range.lowerBound)
    splitAround(range.upperBound)
    var byteCount: UInt64 = 0
    for index in indices(in: range) {
      change(&leaves[index].properties)
      byteCount += span(leaves[index].level)
    }
    return byteCount
  }

  /// The page that covers a position.
  func leaf(at position: UInt64) -> ModelLeaf? {
    let index = firstIndex(after: position)
    guard index < leaves.count, leaves[index].start <= position else { return nil }
    return leaves[index]
  }
}
