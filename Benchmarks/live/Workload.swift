// What is measured: operations on regions of 16 KiB.

import GuestMem
import LiveMem
import MMU
import TestSupport

/// Real tables under readers' and writers' locks.
enum ReaderWriter: SharedPageTableConfiguration {
  typealias Access = HardwareAccess
  static var indexBitCount: UInt64 { 9 }
  static var ownedSpace: OwnedSpace { .all }
  static var topLevelRemoval: TopLevelRemoval { .allowed }
  static var highestLeafLevel: Level { .pageDirectoryPointerTable }
  static var leafOwnership: LeafOwnership { .none }
  static var lockProtocol: LockProtocol { .rw }
}

/// Real tables under one lock.
enum OneLock: SharedPageTableConfiguration {
  typealias Access = HardwareAccess
  static var indexBitCount: UInt64 { 9 }
  static var ownedSpace: OwnedSpace { .all }
  static var topLevelRemoval: TopLevelRemoval { .allowed }
  static var highestLeafLevel: Level { .pageDirectoryPointerTable }
  static var leafOwnership: LeafOwnership { .none }
  static var lockProtocol: LockProtocol { .oneLock }
}

let properties = PageProperties(rights: [.read, .write], isUser: true)
let regionCount = 1024
let regionBytes: UInt64 = 16 << 10

func linear(_ address: UInt64) -> LinearAddress {
  LinearAddress(truncating: address, width: .bits48)
}

/// Where region `index` of a thread begins.
func region(_ index: Int, of thread: Int, _ contention: Contention, threads: Int) -> UInt64 {
  switch contention {
  case .low: 1 << 40 + UInt64(thread) << 30 + UInt64(index) * regionBytes
  // The same number of regions for all: as many tables as they fill.
  case .high: 1 << 40 + UInt64(index * threads + thread) * regionBytes
  }
}

enum Contention: String, CaseIterable {
  case low, high
}

/// A shared table with some memory.
func makeTable<Configuration: SharedPageTableConfiguration>(
  _: Configuration.Type
) throws -> SharedPageTable<Configuration> {
  let memory = try GuestMemory(byteCount: 8 << 20, backing: .anonymous)
  var allocator = try FrameAllocator(byteCount: 8 << 20)
  let pool = try FramePool<Configuration.Access>(
    memory: memory.view, byteCount: 8 << 20, allocator: &allocator, poisonsReturned: false)
  return try SharedPageTable(paging: PagingConfiguration(), pool: pool)
}

/// What is done with every region, in turns.
enum Phase: String, CaseIterable {
  /// Four pages are marked as lazy by one call: CortenMM's `mmap`.
  case mmap
  /// The same, and then a fault at each page: CortenMM's `mmap-PF`.
  case mmapFault = "mmap-PF"
  /// A fault at each page of a region that is marked: asks what is to be said of it, and maps it; `PF`.
  case fault = "PF"
  /// A region that is marked and was never touched goes: `unmap-virt`.
  case unmapMarked = "unmap-virt"
  /// Four pages that are mapped go: `unmap`.
  case unmap
  /// Four pages are mapped at once, where nothing was.
  case map
  /// Four pages are looked up.
  case translate

  /// The order in which they come, so that each finds what it needs.
  static let turns: [Phase] = [
    .mmap, .unmapMarked, .mmapFault, .unmap, .mmap, .fault, .unmap, .map, .translate, .unmap,
  ]
}

func perform<Configuration: SharedPageTableConfiguration>(
  _ phase: Phase, _ table: SharedPageTable<Configuration>, _ start: UInt64
) throws {
  let physical = GuestPhysicalAddress(truncating: start & 0xffff_ffff)
  switch phase {
  case .map:
    try table.map(linear(start), byteCount: regionBytes, to: physical, properties: properties)
  case .mmap:
    try table.mark(linear(start), byteCount: regionBytes, as: Mark(.lazy, payload: 1))
  case .unmap, .unmapMarked:
    let removed = try table.unmap(linear(start), byteCount: regionBytes).byteCount
    guard removed == (phase == .unmap ? regionBytes : 0) else {
      throw Failure(text: "removed \(removed)")
    }
  case .translate:
    for page in 0..<4 as Range<UInt64> {
      guard try table.translate(linear(start + page << 12)) != nil else {
        throw Failure(text: "a page is not mapped")
      }
    }
  case .mmapFault:
    try perform(.mmap, table, start)
    try perform(.fault, table, start)
  case .fault:
    for page in 0..<4 as Range<UInt64> {
      let address = linear(start + page << 12)
      let isMade = try table.withRange(address, byteCount: 4096) { range throws(LiveTableError) in
        guard case .marked(let mark) = try range.status(of: address), mark.kind == .lazy else {
          return false
        }
        try range.map(
          address, byteCount: 4096, to: physical, properties: properties,
          pageSizes: .exactly(.size4KiB))
        return true
      }
      guard isMade.answer else { throw Failure(text: "a page is not marked") }
    }
  }
}

struct Failure: Error { let text: String }

/// Operations per microsecond: of all threads by wall time, and of one processor by the processor time of
/// all threads, which tells what the operations cost where others have the processors as well.
struct Throughput {
  var wall: Double
  var processor: Double
}

/// The best throughput of each phase over some rounds.
func measure(
  threads: Int, rounds: Int, _ body: @escaping @Sendable (Phase, Int, Int) throws -> Void
) -> [Phase: Throughput] {
  let gate = Gate(threads)
  let best = BestTimes(threads)
  withThreads(threads) { thread in
    for _ in 0..<rounds {
      for phase in Phase.turns {
        gate.meet()
        let start = ContinuousClock.now
        let used = threadTime()
        for index in 0..<regionCount {
          do { try body(phase, thread, index) } catch { fatalError("\(phase): \(error)") }
        }
        best.note(thread, start..<ContinuousClock.now, processor: threadTime() - used)
        gate.meet()
        if thread == 0 { best.end(phase) }
      }
    }
  }
  let count = Double(regionCount * threads)
  return best.times.mapValues {
    Throughput(
      wall: count / microseconds($0.wall), processor: count / microseconds($0.processor))
  }
}

func microseconds(_ time: Duration) -> Double {
  Double(time.components.attoseconds) / 1e12 + Double(time.components.seconds) * 1e6
}

func row(_ name: String, _ figures: [Phase: Throughput], _ lines: [Phase: Int]) -> String {
  let numbers = Phase.allCases.map { phase in
    (figures[phase].map { pad(String(Int($0.wall * 1000)), 9) } ?? pad("-", 9))
      + (lines[phase].map { pad("(\($0))", 5) } ?? "     ")
  }
  return "  " + name + String(repeating: " ", count: max(1, 26 - name.count)) + numbers.joined()
}

func pad(_ text: String, _ width: Int) -> String {
  String(repeating: " ", count: max(0, width - text.count)) + text
}
