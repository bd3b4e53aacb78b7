// TinyTables: tables of two entries, small enough for every schedule.

import GuestMem
import MMU

@testable import LiveMem

/// Tables of two entries and three levels: eight pages, and leaves of one, two or four of them.
protocol TinyConfiguration: SharedPageTableConfiguration where Access == ScheduledAccess {}

extension TinyConfiguration {
  static var indexBitCount: UInt64 { 1 }
  static var ownedSpace: OwnedSpace { .all }
  static var topLevelRemoval: TopLevelRemoval { .allowed }
  static var highestLeafLevel: Level { .pageDirectory }
  static var leafOwnership: LeafOwnership { .none }
}

enum TinyAdv: TinyConfiguration {
  static var lockProtocol: LockProtocol { .adv }
}

enum TinyRW: TinyConfiguration {
  static var lockProtocol: LockProtocol { .rw }
}

enum TinyOneLock: TinyConfiguration {
  static var lockProtocol: LockProtocol { .oneLock }
}

/// What a thread does with some of the eight pages.
enum TinyOperation: Hashable, CustomStringConvertible {
  /// Maps pages to the physical pages from `target` on, with the largest leaves that fit.
  case map(Range<Int>, target: Int)
  case unmap(Range<Int>)
  /// Takes the right to write away.
  case protect(Range<Int>)
  case translate(Int)
  /// Removes pages and maps them to others, as one change.
  case remap(Range<Int>, target: Int)
  /// Gives back what can be given back.
  case reclaim
  /// Marks pages with payloads that count from `payload` on.
  case mark(Range<Int>, payload: Int)
  /// Takes marks away.
  case clear(Range<Int>)
  /// Asks what is to be said of a page.
  case status(Int)
  /// What a fault handler does: maps a page to the physical page that its mark names, if it has one.
  case fault(Int)

  /// True for one that reads a page without a lock.
  var takesNoLock: Bool {
    switch self {
    case .translate, .status: true
    default: false
    }
  }

  var description: String {
    switch self {
    case .map(let pages, let target): "map \(pages) to \(target)"
    case .unmap(let pages): "unmap \(pages)"
    case .protect(let pages): "protect \(pages)"
    case .translate(let page): "translate \(page)"
    case .remap(let pages, let target): "remap \(pages) to \(target)"
    case .reclaim: "reclaim"
    case .mark(let pages, let payload): "mark \(pages) as \(payload)"
    case .clear(let pages): "clear \(pages)"
    case .status(let page): "status of \(page)"
    case .fault(let page): "fault at \(page)"
    }
  }
}

/// What a page says: where it leads, and whether it may be written.
struct TinyPage: Hashable {
  var target: Int
  var isWritable: Bool
}

/// What an operation answered.
enum TinyAnswer: Hashable {
  case pages(Int)
  case refused
  case page(TinyPage?)
  case mark(Int)
  case failed(String)
}

/// The eight pages as a dictionary: what the operations mean for one thread.
struct TinyModel: Hashable {
  var pages: [Int: TinyPage] = [:]
  /// The payloads of marked pages.
  var marks: [Int: Int] = [:]

  mutating func perform(_ operation: TinyOperation) -> TinyAnswer {
    switch operation {
    case .map(let range, let target):
      guard range.allSatisfy({ pages[$0] == nil }) else { return .refused }
      for page in range {
        pages[page] = TinyPage(target: target + page - range.lowerBound, isWritable: true)
        marks[page] = nil
      }
      return .pages(range.count)
    case .unmap(let range):
      let count = range.count { pages[$0] != nil }
      for page in range {
        pages[page] = nil
        marks[page] = nil
      }
      return .pages(count)
    case .mark(let range, let payload):
      guard range.allSatisfy({ pages[$0] == nil }) else { return .refused }
      for page in range { marks[page] = payload + page - range.lowerBound }
      return .pages(range.count)
    case .clear(let range):
      for page in range { marks[page] = nil }
      return .pages(0)
    case .status(let page):
      if let payload = marks[page] { return .mark(payload) }
      return .page(pages[page])
    case .fault(let page):
      guard let payload = marks.removeValue(forKey: page) else { return .pages(0) }
      pages[page] = TinyPage(target: payload, isWritable: true)
      return .pages(1)
    case .protect(let range):
      let count = range.count { pages[$0] != nil }
      for page in range { pages[page]?.isWritable = false }
      return .pages(count)
    case .translate(let page): return .page(pages[page])
    case .remap(let range, let target):
      let count = range.count { pages[$0] != nil }
      for page in range {
        pages[page] = TinyPage(target: target + page - range.lowerBound, isWritable: true)
        marks[page] = nil
      }
      return .pages(count)
    case .reclaim: return .pages(0)
    }
  }

  /// The first half of a change that readers without a lock see in two: the pages are gone.
  mutating func begin(_ operation: TinyOperation) {
    guard case .remap(let range, _) = operation else { return }
    for page in range {
      pages[page] = nil
      marks[page] = nil
    }
  }
}

extension Range<Int> {
  fileprivate var byteCount: UInt64 { UInt64(count) * 4096 }
}

/// A shared table of eight pages, with everything that a check wants to know.
final class TinyWorld<Configuration: TinyConfiguration> {
  typealias Table = SharedPageTable<Configuration>

  static var levels: Int { 3 }
  static var frameCount: UInt64 { 24 }

  let table: Table
  let pool: FramePool<ScheduledAccess>
  /// The range that each thread has locked at the moment, and the level of its covering table.
  var inside: [Int: (range: Range<UInt64>, level: UInt64)] = [:]
  private(set) var violation: String?

  init(memory: MemoryView, processors: Int = 1, pins: Int = 4) throws {
    var allocator = try FrameAllocator(byteCount: Self.frameCount * 4096)
    pool = try FramePool(
      memory: memory, byteCount: Self.frameCount * 4096, allocator: &allocator, stackCount: 1,
      poisonsReturned: true)
    let paging = try PagingConfiguration(supports1GiBPages: false)
    table = try Table(
      paging: paging, rootLevel: .pageDirectoryPointerTable, pool: pool,
      epochs: EpochDomain(capacity: pins), processors: ProcessorSet(count: processors))
  }

  /// The linear address of a page: the upper half is at the end of the space.
  func address(_ page: Int) -> LinearAddress {
    LinearAddress(
      truncating: table.tables.address(UInt64(page) * 4096), width: .bits48)
  }

  private func enter(_ thread: Int, _ range: borrowing LockedRange<Configuration>) {
    for (other, place) in inside where place.range.overlaps(range.range) {
      violation = violation ?? "threads \(other) and \(thread) have locked ranges that overlap"
    }
    inside[thread] = (range.range, range.level)
  }

  /// What ``violation`` is from now on, unless there was one before.
  func fail(_ text: String) { violation = violation ?? text }

  private func withRange(
    _ thread: Int, _ pages: Range<Int>,
    _ body: (inout LockedRange<Configuration>) throws(LiveTableError) -> Int
  ) -> (TinyAnswer, FlushTicket) {
    do {
      let (count, ticket) = try table.withRange(
        address(pages.lowerBound), byteCount: pages.byteCount
      ) { range throws(LiveTableError) in
        enter(thread, range)
        defer { inside[thread] = nil }
        return try body(&range)
      }
      return (.pages(count), ticket)
    } catch .table(.alreadyMapped) {
      return (.refused, .nothing)
    } catch {
      return (.failed("\(error)"), .nothing)
    }
  }

  /// Performs an operation as a thread.
  func perform(_ operation: TinyOperation, thread: Int) -> (TinyAnswer, FlushTicket) {
    let properties = PageProperties(rights: [.read, .write, .execute])
    switch operation {
    case .map(let pages, let target):
      return withRange(thread, pages) { range throws(LiveTableError) in
        try range.map(
          address(pages.lowerBound), byteCount: pages.byteCount,
          to: GuestPhysicalAddress(truncating: UInt64(target) * 4096), properties: properties)
        return pages.count
      }
    case .unmap(let pages):
      return withRange(thread, pages) { range throws(LiveTableError) in
        Int(try range.unmap(address(pages.lowerBound), byteCount: pages.byteCount) / 4096)
      }
    case .protect(let pages):
      return withRange(thread, pages) { range throws(LiveTableError) in
        Int(
          try range.protect(
            address(pages.lowerBound), byteCount: pages.byteCount,
            change: PropertyChange(rights: [.read, .execute])) / 4096)
      }
    case .remap(let pages, let target):
      return withRange(thread, pages) { range throws(LiveTableError) in
        let removed = try range.unmap(address(pages.lowerBound), byteCount: pages.byteCount)
        try range.map(
          address(pages.lowerBound), byteCount: pages.byteCount,
          to: GuestPhysicalAddress(truncating: UInt64(target) * 4096), properties: properties)
        return Int(removed / 4096)
      }
    case .translate(let page):
      do {
        return (.page(try self.page(page)), .nothing)
      } catch {
        return (.failed("\(error)"), .nothing)
      }
    case .reclaim:
      table.reclaim()
      return (.pages(0), .nothing)
    case .mark(let pages, let payload):
      return withRange(thread, pages) { range throws(LiveTableError) in
        try range.mark(
          address(pages.lowerBound), byteCount: pages.byteCount,
          as: Mark(.file, payload: UInt64(payload)))
        return pages.count
      }
    case .clear(let pages):
      return withRange(thread, pages) { range throws(LiveTableError) in
        try range.clearMarks(address(pages.lowerBound), byteCount: pages.byteCount)
        return 0
      }
    case .status(let page):
      do {
        return (answer(try table.status(of: address(page))), .nothing)
      } catch {
        return (.failed("\(error)"), .nothing)
      }
    case .fault(let page):
      return withRange(thread, page..<page + 1) { range throws(LiveTableError) in
        guard case .marked(let mark) = try range.status(of: address(page)) else { return 0 }
        try range.map(
          address(page), byteCount: 4096,
          to: GuestPhysicalAddress(truncating: mark.payload << 12), properties: properties)
        return 1
      }
    }
  }

  private func answer(_ status: PageStatus<Configuration>) -> TinyAnswer {
    switch status {
    case .absent: .page(nil)
    case .marked(let mark): .mark(Int(mark.payload))
    case .mapped(let page): .page(tiny(page))
    }
  }

  private func tiny(_ page: MappedPage<Configuration>) -> TinyPage {
    TinyPage(
      target: Int(page.physicalAddress.rawValue / 4096),
      isWritable: page.properties.rights.contains(.write))
  }

  /// What the tables say about a page.
  func page(_ page: Int) throws(LiveTableError) -> TinyPage? {
    try table.translate(address(page)).map(tiny)
  }

  /// The pages as the tables say.
  func model() throws(LiveTableError) -> TinyModel {
    var model = TinyModel()
    for index in 0..<8 {
      model.pages[index] = try page(index)
      if case .marked(let mark) = try table.status(of: address(index)) {
        model.marks[index] = Int(mark.payload)
      }
    }
    return model
  }

  // MARK: - Invariants

  /// What is wrong at this moment, between two steps; reads memory as it is, without a step.
  func problem() -> String? {
    if let violation { return violation }
    return problem(below: table.root, level: UInt64(Self.levels), position: 0)
  }

  private func problem(
    below node: TableFrame, level: UInt64, position: UInt64
  ) -> String? {
    let state = pool.metadata.nodeState(of: node.frame)
    let name = "the table at level \(level) for \(position >> 12)"
    guard state.isNode(ofLevelNumber: level) else { return "\(name) can be reached and is none" }
    if state.isStray { return "\(name) can be reached and is marked as unlinked" }
    let span = TinyAdv.span(level + 1)
    for (thread, place) in inside where Configuration.lockProtocol == .adv {
      guard level <= place.level, place.range.overlaps(position..<position + span) else { continue }
      if state.holder?.rawValue != UInt32(thread + 1) {
        return "\(name) is in the range that thread \(thread) has locked, and is not locked by it"
      }
    }
    guard level > 1 else { return nil }
    for index in 0..<2 {
      let entry = HardwareAccess.load(table.places.word(node, index))
      guard case .table = EntryClass(entry, level: level, in: .native),
        let child = table.tables.memory.table(linkedBy: entry)
      else { continue }
      let start = position + UInt64(index) * TinyAdv.span(level)
      if let problem = problem(below: child, level: level - 1, position: start) { return problem }
    }
    return nil
  }

  /// What is wrong when every thread has ended: counts, locks, frames.
  func finalProblem() -> String? {
    if let problem = problem() { return problem }
    var reachable: UInt64 = 0
    if let problem = countProblem(table.root, level: UInt64(Self.levels), &reachable) {
      return problem
    }
    for _ in 0..<3 { table.reclaim() }
    let retired = table.retiredFrameCount
    if retired != 0 { return "\(retired) unlinked frames are not given back when nobody reads" }
    let free = pool.freeFrameCount
    guard free + reachable == Self.frameCount else {
      return "of \(Self.frameCount) frames \(reachable) are tables and \(free) are free"
    }
    return nil
  }

  private func countProblem(
    _ node: TableFrame, level: UInt64, _ reachable: inout UInt64
  ) -> String? {
    reachable += 1
    let state = pool.metadata.nodeState(of: node.frame)
    if state.isLocked { return "a table at level \(level) is locked at the end" }
    var present = 0
    for index in 0..<2 {
      let entry = HardwareAccess.load(table.places.word(node, index))
      switch EntryClass(entry, level: level, in: .native) {
      case .absent: continue
      case .leaf: present += 1
      case .invalid:
        guard Mark(entry: entry) != nil else {
          return String(entry, radix: 16) + " is no entry of level \(level)"
        }
        present += 1
      case .table:
        present += 1
        guard let child = table.tables.memory.table(linkedBy: entry) else { return "a wild link" }
        if let problem = countProblem(child, level: level - 1, &reachable) { return problem }
      }
    }
    guard present == state.presentCount else {
      return "a table at level \(level) has \(present) entries and counts \(state.presentCount)"
    }
    return nil
  }
}
