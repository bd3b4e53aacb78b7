// The plan for an address space: every leaf, the pages around it, and what is expected besides.

import GuestMem
import MMU

extension ProbePlan {
  /// Plans the probes of an address space whose tables stand in `memory`.
  ///
  /// Every leaf of a mapping is probed in its first, middle and last 4 KiB; a range that is not
  /// mapped once per entry that says so. The pages next to each mapping and the middle of each gap
  /// are probed too, and every leaf and link that the tables have beyond what was asked for. An
  /// exhaustive plan has every 4 KiB page of what is mapped, and the same of what is not.
  ///
  /// - Complexity: one walk per leaf that was asked for, and 512 words per table.
  init(
    _ space: AddressSpace, recursion: AskedRecursion? = nil, cr3: UInt64,
    configuration: PagingConfiguration, _ extent: ProbeExtent = .reduced, in memory: ProbeMemory
  ) {
    pages = []
    func end(at address: UInt64) -> WalkEnd {
      Walk(address, cr3: cr3, configuration: configuration, in: memory).end
    }
    for index in space.mappings.indices { addPages(of: index, in: space, extent, walk: end) }
    let shown = recursion?.pages() ?? []
    if let recursion { addPages(of: recursion, shown: shown, extent, walk: end) }
    addUnasked(in: space, shown, cr3: cr3, configuration: configuration, memory, extent)
    addGaps(of: space)
    for (index, expectation) in space.expectations.enumerated() {
      pages.append(
        ProbePage(
          exactly: expectation.linearAddress,
          manners: ProbeManners(ProbeManner(expectation.access, at: expectation.privilege)),
          subject: .expectation(index)))
    }
  }

  private mutating func addPages(
    of index: Int, in space: AddressSpace, _ extent: ProbeExtent, walk: (UInt64) -> WalkEnd
  ) {
    let mapping = space.mappings[index]
    let first = mapping.linearAddress.rawValue
    let leafCount = addPages(
      from: first, to: first &+ mapping.byteCount &- 0x1000, of: .mapping(index), extent,
      walk: walk)
    if leafCount > 0 { leafCounts[index, default: 0] += leafCount }
  }

  /// Plans the leaves from the page at `first` to the one at `last`, and what is not mapped there once
  /// for each entry that says so; returns the number of leaves.
  mutating func addPages(
    from first: UInt64, to last: UInt64, of subject: ProbeSubject, _ extent: ProbeExtent,
    walk: (UInt64) -> WalkEnd
  ) -> Int {
    var leafCount = 0
    var address = first
    while true {
      let span: UInt64
      var pageSize: PageSize?
      switch walk(address) {
      case .page(let translation):
        span = translation.pageSize.byteCount
        pageSize = translation.pageSize
        leafCount += 1
      case .notPresent(let level), .reservedBits(let level, _), .tableOutsideMemory(let level, _):
        span = level.span
      case .notCanonical:
        span = 0x1000
      }
      let lastOfSpan = min(last, (address | (span - 1)) & ~0xfff)
      if extent == .exhaustive, pageSize != nil {
        pages.append(
          ProbePage(
            containing: address, subject: subject, pageSize: pageSize, obstacle: nil,
            pageCount: (lastOfSpan - address) >> 12 + 1))
      } else {
        addPages(
          from: address, to: lastOfSpan, of: subject, pageSize,
          further: pageSize == nil ? 0 : (lastOfSpan - address) >> 12 + 1)
      }
      if lastOfSpan >= last { return leafCount }
      address = lastOfSpan + 0x1000
    }
  }

  /// Plans the first, the middle and the last page of a part of one leaf, or of one that is not
  /// mapped.
  ///
  /// The first of them stands for `further` pages, those that are planned with it left off.
  mutating func addPages(
    from first: UInt64, to last: UInt64, of subject: ProbeSubject, _ size: PageSize?,
    further: UInt64
  ) {
    let middle = (first + (last - first) / 2) & ~0xfff
    let planned: Set<UInt64> = [first, middle, last]
    for page in planned.sorted() {
      pages.append(
        ProbePage(
          containing: page, subject: subject, pageSize: size,
          furtherPageCount: page == first ? further - min(further, UInt64(planned.count)) : 0,
          continuesLeaf: size != nil && page != first))
    }
  }

  /// The unmapped pages around the mappings: before, after, and half-way to the next one.
  private mutating func addGaps(of space: AddressSpace) {
    let width = space.linearAddressWidth
    let ranges = space.mappings.enumerated().map { index, mapping in
      (
        first: mapping.linearAddress.rawValue,
        last: mapping.linearAddress.rawValue &+ (mapping.byteCount &- 1), index: index
      )
    }.sorted { $0.first < $1.first }
    var planned: Set<UInt64> = []
    func add(_ address: UInt64, near index: Int, to pages: inout [ProbePage]) {
      guard width.isCanonical(address), planned.insert(address & ~0xfff).inserted else { return }
      pages.append(ProbePage(containing: address, subject: .gap(nearMapping: index)))
    }
    for (position, range) in ranges.enumerated() {
      let lower: UInt64 = position > 0 ? ranges[position - 1].last : 0
      let hasLower = position > 0
      if range.first > 0 && (!hasLower || range.first - 1 > lower) {
        add(range.first - 1, near: range.index, to: &pages)
      }
      let upper: UInt64 = position + 1 < ranges.count ? ranges[position + 1].first : .max
      guard range.last < upper, upper - range.last > 1 else { continue }
      add(range.last + 1, near: range.index, to: &pages)
      add(range.last + 1 + (upper - range.last - 1) / 2, near: range.index, to: &pages)
    }
  }
}
