// ProbePlan: which pages are probed, how, and why.

public import MMU

/// A 4 KiB page of linear addresses that is probed.
public struct ProbePage: Hashable, Sendable {
  /// The first byte of the page; it need not be canonical.
  public let linearAddress: UInt64
  /// In which ways the page is used.
  public private(set) var manners: ProbeManners
  /// What the page stands for.
  public let subject: ProbeSubject
  /// The size of the leaf that was built for it, or nil where nothing is mapped.
  public let pageSize: PageSize?
  /// The offset in the page, 0 to 0xfff, that somebody asks about, or nil where any will do.
  public let offset: UInt16?
  /// Why the page cannot be probed on the machine of the plan, or nil when it can.
  public internal(set) var obstacle: NotRunReason?
  /// The number of further pages that the same entries map, and that the model judges alone once
  /// this one has been executed; where it stands for neighbours, their number.
  public let furtherPageCount: UInt64
  /// The further pages are those that follow this one, and are probed as it is.
  public let standsForNeighbours: Bool
  /// The page before it in the plan is another one of the same leaf: what cannot be made here need
  /// not be, as long as it can be made there.
  public let continuesLeaf: Bool

  /// Takes the page that contains `address`.
  public init(
    containing address: UInt64, manners: ProbeManners = .all, subject: ProbeSubject,
    pageSize: PageSize? = nil, obstacle: NotRunReason? = nil, furtherPageCount: UInt64 = 0,
    continuesLeaf: Bool = false
  ) {
    linearAddress = address & ~0xfff
    self.manners = manners
    self.subject = subject
    self.pageSize = pageSize
    self.obstacle = obstacle
    self.furtherPageCount = furtherPageCount
    self.continuesLeaf = continuesLeaf
    standsForNeighbours = false
    offset = nil
  }

  /// Takes `pageCount` neighbouring pages, the first of which contains `address`, and which are all
  /// probed.
  init(
    containing address: UInt64, manners: ProbeManners = .all, subject: ProbeSubject,
    pageSize: PageSize?, obstacle: NotRunReason?, pageCount: UInt64
  ) {
    linearAddress = address & ~0xfff
    self.manners = manners
    self.subject = subject
    self.pageSize = pageSize
    self.obstacle = obstacle
    furtherPageCount = max(1, pageCount) - 1
    continuesLeaf = false
    standsForNeighbours = true
    offset = nil
  }

  /// Takes the page that contains `address`, which is to be probed at just this address, and
  /// reported as this one where another byte of the page has to do.
  public init(exactly address: UInt64, manners: ProbeManners = .all, subject: ProbeSubject) {
    linearAddress = address & ~0xfff
    self.manners = manners
    self.subject = subject
    pageSize = nil
    obstacle = nil
    furtherPageCount = 0
    continuesLeaf = false
    standsForNeighbours = false
    offset = UInt16(truncatingIfNeeded: address & 0xfff)
  }
}

extension ProbePage {
  /// The same page, used in these manners only.
  func asked(_ manners: ProbeManners) -> ProbePage {
    var page = self
    page.manners = manners
    return page
  }
}

/// What a probed page stands for, by index in the address space.
public enum ProbeSubject: Hashable, Sendable {
  /// Part of a mapping, or of a range that must not be mapped.
  case mapping(Int)
  /// Unmapped, next to a mapping or between two.
  case gap(nearMapping: Int)
  /// Mapped, and nobody asked for it.
  case unasked
  /// A page in the range of the recursive slot.
  case recursiveSlot
  /// An expectation.
  case expectation(Int)
  /// Pages of an image that are alike.
  case kind(Int)
}

/// The pages that an experiment uses.
public struct ProbePlan: Hashable, Sendable {
  /// The pages in the order in which they are probed.
  public var pages: [ProbePage]
  /// For each mapping, by index, the number of leaves that map it.
  public var leafCounts: [Int: Int] = [:]
  /// The number of leaves that the range of the recursive slot shows: tables, and large pages.
  public var recursivePageCount = 0

  /// The number of pages that did not fit, by what they are about.
  private(set) var unplannedCounts: [ProbeSubject: Int] = [:]

  /// A plan of the given pages.
  public init(pages: [ProbePage] = []) { self.pages = pages }

  /// The number of single probes: pages times manners.
  public var probeCount: Int {
    pages.reduce(0) { sum, page in
      let (count, isTooMuch) = Int(clamping: page.pageCount).multipliedReportingOverflow(
        by: page.manners.rawValue.nonzeroBitCount)
      return sum.clampedSum(isTooMuch ? .max : count)
    }
  }

  /// Counts pages that do not fit.
  mutating func addUnplanned(_ count: UInt64, of subject: ProbeSubject) {
    unplannedCounts[subject] = (unplannedCounts[subject] ?? 0).clampedSum(Int(clamping: count))
  }

  /// The number of pages that are probed.
  var pageCount: UInt64 { pages.reduce(0) { $0 &+ $1.pageCount } }
}
