// ImagePlan: which pages of an image are probed.

import GuestMem
import MMU

/// The pages that the proof of an image uses, and how they are grouped.
///
/// Every leaf entry and every link on the way to one is in the plan: see ``CoverageVisitor``. What
/// does not fit is counted.
struct ImagePlan: Sendable {
  var plan = ProbePlan()
  private(set) var kinds: [PageKind] = []
  /// For each kind, the number of leaves, or of links.
  var leafCounts: [UInt64] = []
  /// The number of pages that did not fit into the plan, by what they are about.
  private(set) var unplannedCounts: [ProbeSubject: Int] = [:]
  /// Linear bytes that go through tables which are probed at another address.
  private(set) var sharedByteCount: UInt64 = 0
  /// Physical ranges that pages lead to.
  private(set) var extents: [Range<UInt64>] = []
  /// What no entry maps, in order, but for tables that are gone through at another address.
  private(set) var unmapped: [UnmappedStretch] = []

  private var settings: ProcessorSettings
  private(set) var ranges: [MachineMemoryRange]
  /// Pages at this physical address and above do not exist on the machine.
  private var addressLimit: UInt64
  private(set) var pageLimit: Int
  private var rootSpan: UInt64
  private var kindIndices: [PageKind: Int] = [:]
  private var lastKind: (rights: UInt64, size: PageSize, hasMemory: Bool, index: Int)?

  /// Shared tables that make more leaves than this, each way to one counted, are gone through once.
  static let expansionLimit = VerificationOptions.expandedPathLimit
  static let extentLimit = 1 << 20

  /// Lists what `tables` map in `memory`, in at most `pageLimit` pages, or stretches of them.
  init(
    _ tables: PageTables, settings: ProcessorSettings, ranges: [MachineMemoryRange],
    addressLimit: UInt64, pageLimit: Int, expansionLimit: UInt64 = Self.expansionLimit,
    _ extent: ProbeExtent = .reduced, in memory: ProbeMemory
  ) {
    self.settings = settings
    self.ranges = ranges
    self.addressLimit = addressLimit
    self.pageLimit = extent == .reduced ? pageLimit : 0
    rootSpan = tables.configuration.rootLevel.span
    var counter = CoverageVisitor(NoReceiver(), expandsSharedTables: false)
    tables.traverse(in: memory, &counter)
    var visitor = CoverageVisitor(
      self, expandsSharedTables: counter.leafCount <= expansionLimit)
    tables.traverse(in: memory, &visitor)
    self = visitor.receiver
    if extent == .exhaustive { planEveryPage(of: tables, pageLimit: pageLimit, in: memory) }
  }

  /// Forgets which pages are probed, but not what is unmapped and where pages lead.
  mutating func forgetPages(pageLimit: Int) {
    self.pageLimit = pageLimit
    plan = ProbePlan()
    (kinds, leafCounts, kindIndices, lastKind) = ([], [], [:], nil)
    (unplannedCounts, sharedByteCount) = ([:], 0)
  }

  private mutating func index(of kind: PageKind) -> Int {
    if let known = kindIndices[kind] { return known }
    kinds.append(kind)
    leafCounts.append(0)
    kindIndices[kind] = kinds.count - 1
    return kinds.count - 1
  }

  /// The position of the kind of a page, which often is that of the page before.
  mutating func index(of page: MappedRun, hasMemory: Bool) -> Int {
    let rights = page.combinedRights | page.leafBits & PageTableEntry.Bit.protectionKey
    if let lastKind, lastKind.rights == rights, lastKind.size == page.pageSize,
      lastKind.hasMemory == hasMemory
    {
      return lastKind.index
    }
    let found = index(of: PageKind(page, settings: settings, hasMemory: hasMemory))
    lastKind = (rights, page.pageSize, hasMemory, found)
    return found
  }

  /// Takes a page into the plan, or counts it.
  mutating func add(_ page: ProbePage) {
    guard plan.pages.count < pageLimit else {
      addUnplanned(page.pageCount, of: page.subject)
      return
    }
    plan.pages.append(page)
  }

  /// Counts pages that do not fit into the plan.
  mutating func addUnplanned(_ count: UInt64, of subject: ProbeSubject) {
    unplannedCounts[subject, default: 0] += Int(clamping: count)
  }

  /// Why a page of the machine's would not be the image's.
  func obstacle(to physical: UInt64, _ size: PageSize) -> NotRunReason? {
    physical &+ (size.byteCount &- 1) >= addressLimit ? .noSuchPhysicalAddress : nil
  }

  /// Keeps the range; of too many only what they span.
  private mutating func addExtent(_ range: Range<UInt64>) {
    if let last = extents.last, last.upperBound == range.lowerBound {
      extents[extents.count - 1] = last.lowerBound..<range.upperBound
      return
    }
    extents.append(range)
    guard extents.count > Self.extentLimit else { return }
    let start = extents.reduce(UInt64.max) { min($0, $1.lowerBound) }
    let end = extents.reduce(0) { max($0, $1.upperBound) }
    extents = [start..<end]
  }

  /// Plans both ends of each stretch that nothing maps, as far as a mapped page can be beside them.
  ///
  /// The first and the last entry of each half of a root have nothing beside them.
  mutating func addGaps() {
    for stretch in unmapped {
      var ends: [UInt64] = []
      let half = rootSpan &* 256
      // An entry that is present may be the only one of its half.
      if stretch.isPresent || stretch.entrySpan != rootSpan || stretch.first & (half &- 1) != 0 {
        ends.append(stretch.first & ~0xfff)
      }
      if stretch.isPresent || stretch.entrySpan != rootSpan
        || (stretch.last &+ 1) & (half &- 1) != 0
      {
        ends.append(stretch.last & ~0xfff)
      }
      for (position, page) in ends.enumerated() where position == 0 || page != ends[0] {
        add(ProbePage(containing: page, subject: .gap(nearMapping: -1)))
      }
    }
  }
}

extension ImagePlan: CoverageReceiver {
  /// Where memory is, all six manners can be executed.
  func reluctance(_ size: PageSize, at physicalAddress: UInt64) -> Int {
    if obstacle(to: physicalAddress, size) != nil { return 3 }
    // Not every machine has pages of 1 GiB.
    return (ranges.range(at: physicalAddress) == nil ? 1 : 0) + (size == .size1GiB ? 1 : 0)
  }

  /// Every page of 4 KiB, and of each larger one the first, the middle and the last 4 KiB.
  mutating func receiveLeaf(_ page: MappedRun) {
    let physical = page.physicalAddress.rawValue
    let size = page.pageSize
    addExtent(physical..<physical &+ size.byteCount)
    let kind = index(of: page, hasMemory: ranges.range(at: physical) != nil)
    leafCounts[kind] += 1
    let obstacle = obstacle(to: physical, size)
    let first = page.linearAddress
    let isSmall = size == .size4KiB
    add(
      ProbePage(
        containing: first, subject: .kind(kind), pageSize: size, obstacle: obstacle,
        furtherPageCount: isSmall ? 0 : size.byteCount >> 12 - 3))
    guard !isSmall else { return }
    for offset in [size.byteCount / 2, size.byteCount - 1] {
      add(
        ProbePage(
          containing: first &+ offset, subject: .kind(kind), pageSize: size, obstacle: obstacle,
          continuesLeaf: true))
    }
  }

  /// The leaf that serves best behind each link.
  mutating func receiveLink(_ link: CoveredLink) {
    sharedByteCount &+= link.byteCount
    let kind = index(of: .shared)
    leafCounts[kind] += 1
    add(
      ProbePage(
        containing: link.leafAddress, subject: .kind(kind), pageSize: link.pageSize,
        obstacle: obstacle(to: link.physicalAddress, link.pageSize),
        furtherPageCount: link.pageCount &- 1))
  }

  /// Keeps it for the gaps and for what is asked for and not mapped.
  mutating func receiveUnmapped(_ stretch: UnmappedStretch) { unmapped.append(stretch) }
}

/// Wants to know nothing but the counts.
private struct NoReceiver: CoverageReceiver {
  func reluctance(_ size: PageSize, at physicalAddress: UInt64) -> Int { 0 }
  mutating func receiveLeaf(_ page: MappedRun) {}
  mutating func receiveLink(_ link: CoveredLink) {}
  mutating func receiveUnmapped(_ stretch: UnmappedStretch) {}
}
