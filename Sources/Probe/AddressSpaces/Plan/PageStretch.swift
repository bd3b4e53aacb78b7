// PageStretch: neighbouring pages of 4 KiB that a plan treats alike.

import MMU

/// Neighbouring pages of 4 KiB that are mapped, and treated alike.
struct PageStretch<Group: Hashable & Sendable>: Hashable, Sendable {
  /// The first linear address, or its offset in a table.
  private(set) var first: UInt64
  /// The number of pages of 4 KiB.
  private(set) var pageCount: UInt64
  /// The number of leaves that map them.
  private(set) var leafCount: UInt64
  /// What they are treated as.
  let group: Group

  /// The pages of one leaf.
  init(_ page: MappedRun, at first: UInt64, _ group: Group) {
    self.first = first
    pageCount = page.pageSize.byteCount >> 12
    leafCount = 1
    self.group = group
  }

  /// The same pages, `offset` bytes further on.
  func moved(by offset: UInt64) -> PageStretch {
    var stretch = self
    stretch.first &+= offset
    return stretch
  }

  /// Takes the pages of `next`; false when they do not go on where these end.
  mutating func take(_ next: PageStretch) -> Bool {
    guard next.group == group, first &+ pageCount << 12 == next.first else { return false }
    pageCount &+= next.pageCount
    leafCount &+= next.leafCount
    return true
  }
}

/// How many pages and leaves there are of a group.
struct PageCounts: Hashable, Sendable {
  var pageCount: UInt64 = 0
  var leafCount: UInt64 = 0

  mutating func add(_ other: PageCounts) {
    pageCount &+= other.pageCount
    leafCount &+= other.leafCount
  }
}
