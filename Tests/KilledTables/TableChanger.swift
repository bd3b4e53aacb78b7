// TableChanger: what the threads of the process do, without end.

import CLinux
import Glibc
import GuestMem
import LiveMem
import MMU
import TestSupport

/// Shared tables in the memory file that the process was started with.
struct TableChanger: Sendable {
  private typealias Layout = KilledTablesLayout

  /// Longer than any wait on a busy machine.
  private static let long = Patience(nanoseconds: 60_000_000_000)

  private let memory: MemoryView
  private let table: SharedPageTable<SharedPaging>

  /// Ends the process with a code that the test shows.
  private static func end(_ code: CInt, _ text: String) -> Never {
    print(text)
    exit(code)
  }

  /// Maps the memory and makes an empty table, which one processor uses.
  init() {
    let byteCount = Layout.frameCount << 12
    var base: UnsafeMutableRawPointer?
    // SAFETY: the address goes to a variable of this call.
    let result = unsafe clinux_map(
      byteCount, CLINUX_PROT_READ | CLINUX_PROT_WRITE, CLINUX_MAP_SHARED, Layout.descriptor, 0,
      &base)
    guard result >= 0, let base = unsafe base else { Self.end(2, "no memory") }
    // SAFETY: the memory stays mapped as long as the process runs.
    memory = unsafe MemoryView(baseAddress: base, byteCount: byteCount)
    do {
      var allocator = try FrameAllocator(byteCount: byteCount)
      let pool = try FramePool<HardwareAccess>(
        memory: memory, byteCount: byteCount - 4096, allocator: &allocator, stackCount: 2,
        poisonsReturned: true)
      table = try SharedPageTable(
        paging: PagingConfiguration(), pool: pool, processors: ProcessorSet(count: 1))
      try table.processors.activate(0)
    } catch { Self.end(2, "\(error)") }
  }

  private func load(_ word: Layout.Word) -> UInt64 {
    memory.loadWord(at: GuestPhysicalAddress(truncating: word.address)) ?? 0
  }

  private func store(_ value: UInt64, to word: Layout.Word) {
    memory.storeWord(value, at: GuestPhysicalAddress(truncating: word.address))
  }

  private func linear(_ page: UInt64) -> LinearAddress {
    LinearAddress(truncating: page << 12, width: .bits48)
  }

  /// Says that there are tables.
  func announce() { store(table.rootAddress.rawValue + 1, to: .root) }

  /// Asks the other process, which plays the processor, to drop what the tables no longer say.
  func answerRequests() -> Never {
    var idle = Self.long
    while true {
      let wasAsked = table.processors.handleRequests(0) { _ in
        let number = load(.requests) + 1
        store(number, to: .requests)
        var patience = Self.long
        while load(.acknowledged) < number {
          guard patience.pass() else { Self.end(3, "the processor does not answer") }
        }
      }
      if wasAsked { idle = Self.long }
      guard idle.pass() else { Self.end(4, "nothing happens") }
    }
  }

  /// Changes tables, and looks at them.
  func change(seed: UInt64) -> Never {
    var random = SeededGenerator(seed: seed)
    while true {
      do {
        try changeOnce(&random)
        store(load(.changes) &+ 1, to: .changes)
        let page = random.below(Layout.pageCount)
        check(page, try table.status(of: linear(page)))
      } catch LiveTableError.table(.alreadyMapped) {
        // Another thread was quicker.
      } catch LiveTableError.table(.outOfFrames) {
        // What was unlinked waits for the processor.
      } catch { Self.end(7, "\(error)") }
    }
  }

  private func check(_ page: UInt64, _ status: PageStatus<SharedPaging>) {
    switch status {
    case .absent: break
    case .marked(let mark):
      if mark != Mark(.file, payload: page) { Self.end(5, "page \(page) has the mark \(mark)") }
    case .mapped(let found):
      if found.physicalAddress.rawValue != Layout.target(ofPage: page) {
        Self.end(6, "page \(page) leads to \(found.physicalAddress)")
      }
    }
  }

  private func changeOnce(_ random: inout SeededGenerator) throws {
    let isLarge = random.once(in: 4)
    let first = isLarge ? random.below(4) * 512 : random.below(Layout.pageCount - 600)
    let count = isLarge ? 512 : 1 + random.below(random.once(in: 3) ? 600 : 8)
    let address = linear(first)
    let target = GuestPhysicalAddress(truncating: Layout.target(ofPage: first))
    let properties = PageProperties(rights: [.read, .write])
    switch random.below(6) {
    case 0, 1:
      try table.map(
        address, byteCount: count << 12, to: target, properties: properties, patience: Self.long)
    case 2:
      let ticket = try table.unmap(address, byteCount: count << 12, patience: Self.long).ticket
      try table.sync(ticket, patience: Self.long)
    case 3:
      // Without waiting: what is removed is not used for anything else.
      _ = try table.withRange(address, byteCount: count << 12, patience: Self.long) {
        range throws(LiveTableError) in
        try range.unmap(address, byteCount: count << 12)
        try range.map(address, byteCount: count << 12, to: target, properties: properties)
      }
    case 4:
      try table.mark(
        address, byteCount: count << 12, as: Mark(.file, payload: first), patience: Self.long)
    default:
      try table.clearMarks(address, byteCount: count << 12, patience: Self.long)
    }
  }
}
