// World, expect entries: what the model says about operations on one entry.

import MMU

@testable import GuestMem

extension World {
  /// What an entry leads to, by the shape of memory before and the model.
  enum EntryKind { case absent, table, leaf(ModelLeaf) }

  /// The lowest entry down to `level` that decides a page: its level and what it leads to.
  func entryKind(
    _ page: UInt64, _ level: Level, _ image: MemoryImage
  ) -> (level: UInt64, kind: EntryKind) {
    let position = (base + page) << 12
    let wanted = UInt64(level.rawValue)
    if let leaf = model.leaf(at: position), leaf.level >= wanted {
      return (leaf.level, .leaf(leaf))
    }
    // Tables that decide the position, from the root down.
    let levels = image.tables.filter { table in
      let shift = 12 + model.indexBits * table.level
      return position >> shift == table.position >> shift
    }.map { $0.level }
    let lowest = levels.min() ?? table.tables.rootLevel
    return lowest < wanted ? (wanted, .table) : (lowest, .absent)
  }

  func expectedEntry(_ operation: Operation, before image: MemoryImage) -> Expectation {
    var next = model
    switch operation {
    case .split(let page, let level):
      let found = entryKind(page, level, image)
      guard case .leaf(let leaf) = found.kind, leaf.level > 1 else {
        return .success(.found(nil), next)
      }
      next.split(at: next.firstIndex(after: leaf.start))
      return .success(.found(1), next)
    case .allocate(let page, let level):
      let found = entryKind(page, level, image)
      if case .absent = found.kind, found.level > 1 { return .success(.found(1), next) }
      return .success(.found(nil), next)
    case .collapse(let page, let level):
      return expectedCollapse(page, level, image)
    case .replace(let page, let level, let target, let properties):
      let found = entryKind(page, level, image)
      let span = model.span(found.level)
      let start = (base + page) << 12 & ~(span - 1)
      if let target {
        guard found.level == UInt64(level.rawValue) else { return .failure(["level-mismatch"]) }
        guard found.level <= next.highestLeafLevel else { return .failure(["leaf-unsupported"]) }
        guard target << 12 & (span - 1) == 0 else { return .failure(["invalid-physical-address"]) }
        if properties.isUser, !linksAreUser(start, found.level, image) {
          return .failure(["supervisor-table"])
        }
      }
      var wasThere: UInt64? = 1
      if case .absent = found.kind { wasThere = nil }
      next.leaves.removeSubrange(next.indices(in: start..<start + span))
      if let target {
        next.insert([modelItem(start, found.level, target, properties)])
      }
      return .success(.found(wasThere), next)
    case .entryProtect(let page, let level, let properties):
      let found = entryKind(page, level, image)
      guard case .leaf(let leaf) = found.kind else { return .success(.found(nil), next) }
      if properties.isUser, !linksAreUser(leaf.start, leaf.level, image) {
        return .failure(["supervisor-table"])
      }
      next.leaves[next.firstIndex(after: leaf.start)].properties = properties
      return .success(.found(1), next)
    case .cursorMap(let page, let level, let target, let properties),
      .remap(let page, let level, let target, let properties):
      return expectedCursorMap(operation, page, level, target, properties, image)
    default: return .failure([])
    }
  }

  /// Whether every entry above the one at `level` is a user entry.
  func linksAreUser(_ position: UInt64, _ level: UInt64, _ image: MemoryImage) -> Bool {
    image.entries.allSatisfy { entry in
      let shift = 12 + model.indexBits * (entry.level - 1)
      return entry.level <= level || position >> shift != entry.position >> shift
        || entry.word & 4 != 0
    }
  }

  private func expectedCollapse(
    _ page: UInt64, _ level: Level, _ image: MemoryImage
  ) -> Expectation {
    var next = model
    let found = entryKind(page, level, image)
    guard case .table = found.kind else { return .success(.found(nil), next) }
    guard found.level <= next.highestLeafLevel else { return .failure(["leaf-unsupported"]) }
    let span = next.span(found.level)
    let start = (base + page) << 12 & ~(span - 1)
    let inside = next.indices(in: start..<start + span)
    guard let first = inside.first else { return .failure(["not-uniform"]) }
    var whole = next.leaves[first]
    guard inside.count == 1 << Int(next.indexBits) else { return .failure(["not-uniform"]) }
    for leaf in next.leaves[inside] {
      var plain = leaf.properties
      plain.isAccessed = whole.properties.isAccessed
      plain.isDirty = whole.properties.isDirty
      guard leaf.level == found.level - 1, plain == whole.properties,
        leaf.isTracked == whole.isTracked,
        leaf.physical == next.leaves[first].physical + (leaf.start - start)
      else { return .failure(["not-uniform"]) }
      if leaf.properties.isAccessed { whole.properties.isAccessed = true }
      if leaf.properties.isDirty { whole.properties.isDirty = true }
    }
    guard whole.physical & (span - 1) == 0 else { return .failure(["invalid-physical-address"]) }
    whole.level = found.level
    next.leaves.replaceSubrange(inside, with: [whole])
    return .success(.found(1), next)
  }

  private func expectedCursorMap(
    _ operation: Operation, _ page: UInt64, _ level: Level, _ target: UInt64,
    _ properties: PageProperties, _ image: MemoryImage
  ) -> Expectation {
    var next = model
    let number = UInt64(level.rawValue)
    let span = next.span(number)
    let start = (base + page) << 12
    guard number <= next.highestLeafLevel else { return .failure(["page-size-unsupported"]) }
    guard start & (span - 1) == 0 else { return .failure(["misaligned-linear-address"]) }
    guard target << 12 & (span - 1) == 0 else { return .failure(["misaligned-physical-address"]) }
    let pages = [modelItem(start, number, target, properties)]
    let range = start..<start + span
    if case .remap = operation {
      next.splitAround(range.lowerBound)
      next.splitAround(range.upperBound)
      let inside = next.indices(in: range)
      let isEmpty = inside.isEmpty && !isObstructed(pages, image)
      next.leaves.removeSubrange(inside)
      next.insert(pages)
      return .success(.found(isEmpty ? nil : 1), next)
    }
    guard next.indices(in: range).isEmpty, !isObstructed(pages, image) else {
      return .failure(["already-mapped"])
    }
    next.insert(pages)
    return .success(.found(nil), next)
  }
}
