// ImagePlan: which pages of an image are probed.

import GuestMem
import MMU

/// The pages that the proof of an image uses, and how they are grouped.
struct ImagePlan: Sendable {
  var plan = ProbePlan()
  private(set) var kinds: [PageKind] = []
  /// For each kind, the number of leaves.
  private(set) var leafCounts: [UInt64] = []
  /// For each kind, the number of pages that did not fit into the plan.
  private(set) var unplannedCounts: [Int] = []
  /// Linear bytes that go through tables which are probed at another address.
  private(set) var sharedByteCount: UInt64 = 0
  /// Physical ranges that pages lead to.
  private(set) var extents: [Range<UInt64>] = []
  /// Unmapped pages next to mapped ones, which are probed as far as the agent is not there.
  private var gaps: [UInt64] = []

  private var settings: ProcessorSettings
  private var ranges: [MachineMemoryRange]
  /// Pages at this physical address and above do not exist on the machine.
  private var addressLimit: UInt64
  private var kindIndices: [PageKind: Int] = [:]
  private var previousLast: UInt64?

  /// Shared tables that make more leaves than this, each way to one counted, are probed once.
  static let expansionLimit: UInt64 = 1 << 18
  /// The largest number of pages in a plan.
  static let pageLimit = 1 << 22
  static let gapLimit = 1 << 16
  static let extentLimit = 1 << 20
  /// The largest number of samples of one stretch that repeats another.
  static let sampleLimit: UInt64 = 64

  /// Lists what `tables` map in `memory`.
  init(
    _ tables: PageTables, settings: ProcessorSettings, ranges: [MachineMemoryRange],
    addressLimit: UInt64, in memory: ProbeMemory
  ) {
    self.settings = settings
    self.ranges = ranges
    self.addressLimit = addressLimit
    var planner = Planner(plan: self)
    tables.list(in: memory, shared: .expandUpTo(Self.expansionLimit), to: &planner)
    self = planner.plan
    if let last = previousLast { addGap(last &+ 1) }
  }

  /// Hears of the runs.
  private struct Planner: ListingReceiver {
    var plan: ImagePlan

    mutating func receive(_ item: ListedItem) -> ListingDecision {
      plan.add(item)
      return .goOn
    }
  }

  private mutating func add(_ item: ListedItem) {
    switch item {
    case .run(let run):
      if previousLast.map({ $0 &+ 1 != run.linearAddress }) ?? true {
        if let last = previousLast { addGap(last &+ 1) }
        addGap(run.linearAddress &- 1)
      }
      previousLast = run.lastAddress
      addPages(of: run)
    case .repetition(let first, let byteCount, _, let unit):
      sharedByteCount &+= byteCount
      previousLast = first &+ (byteCount &- 1)
      addSamples(from: first, unitCount: byteCount / unit, unit: unit)
      if byteCount > 4096 { addSample(first &+ (byteCount &- 1)) }
    }
  }

  /// A page of each of some ways to the same tables, each page another one of them.
  private mutating func addSamples(from first: UInt64, unitCount: UInt64, unit: UInt64) {
    let count = min(unitCount, Self.sampleLimit)
    for sample in 0..<count {
      // An odd factor spreads the samples over all pages.
      let page = sample &* 0x9e37 & (unit >> 12 &- 1)
      addSample(first &+ unitCount / count &* sample &* unit &+ page << 12)
    }
  }

  private mutating func addSample(_ address: UInt64) {
    let kind = index(of: .repeated)
    leafCounts[kind] += 1
    add(address, kind, nil, nil)
  }

  private mutating func index(of kind: PageKind) -> Int {
    if let known = kindIndices[kind] { return known }
    kinds.append(kind)
    leafCounts.append(0)
    unplannedCounts.append(0)
    kindIndices[kind] = kinds.count - 1
    return kinds.count - 1
  }

  /// Every page of 4 KiB, and of each larger one the first, the middle and the last 4 KiB.
  private mutating func addPages(of run: MappedRun) {
    let physical = run.physicalAddress.rawValue
    addExtent(physical..<physical &+ run.byteCount)
    let isBeyond = physical &+ (run.byteCount &- 1) >= addressLimit
    let size = run.pageSize
    var kind = 0
    var hadMemory: Bool?
    for page in 0..<run.pageCount {
      let offset = page &* size.byteCount
      let hasMemory = ranges.range(at: physical &+ offset) != nil
      if hasMemory != hadMemory {
        kind = index(of: PageKind(run, settings: settings, hasMemory: hasMemory))
        hadMemory = hasMemory
      }
      leafCounts[kind] += 1
      let first = run.linearAddress &+ offset
      let obstacle: NotRunReason? = isBeyond ? .noSuchPhysicalAddress : nil
      add(first, kind, size, obstacle)
      if size != .size4KiB {
        add(first &+ size.byteCount / 2, kind, size, obstacle)
        add(first &+ (size.byteCount - 1), kind, size, obstacle)
      }
    }
  }

  private mutating func add(
    _ address: UInt64, _ kind: Int, _ size: PageSize?, _ obstacle: NotRunReason?
  ) {
    guard plan.pages.count < Self.pageLimit else {
      unplannedCounts[kind] += 1
      return
    }
    plan.pages.append(
      ProbePage(
        containing: address, subject: .kind(kind), pageSize: size, obstacle: obstacle))
  }

  /// Keeps the range; of too many only what they span.
  private mutating func addExtent(_ range: Range<UInt64>) {
    extents.append(range)
    guard extents.count > Self.extentLimit else { return }
    let start = extents.reduce(UInt64.max) { min($0, $1.lowerBound) }
    let end = extents.reduce(0) { max($0, $1.upperBound) }
    extents = [start..<end]
  }

  private mutating func addGap(_ address: UInt64) {
    if gaps.count < Self.gapLimit && gaps.last != address & ~0xfff {
      gaps.append(address & ~0xfff)
    }
  }

  /// Plans the unmapped pages next to mapped ones that are not below root entry `agentIndex`.
  mutating func addGaps(rootLevel: Level, agentIndex: Int?) {
    let width: LinearAddressWidth = rootLevel == .pageMapLevel5 ? .bits57 : .bits48
    for address in gaps where width.isCanonical(address) {
      if Int(address >> rootLevel.indexShift & 511) == agentIndex { continue }
      plan.pages.append(ProbePage(containing: address, subject: .gap(nearMapping: -1)))
    }
    gaps = []
  }
}
