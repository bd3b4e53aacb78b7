// LivePages: pages that processors use while threads change them, and what each frame holds.

import GuestMem
import LiveMem
import MMU
import Synchronization

/// Pages that two processors use and two threads change, and what each frame holds.
///
/// A frame that is mapped nowhere holds `dead` in its first word and `untouched` in its second; a frame
/// that is mapped holds its number first. So whoever reads `dead` has come through a translation that was
/// taken away, and whoever writes leaves a second word that is not `untouched`.
final class LivePages: Sendable {
  /// The fewer pages there are, the more often a page is changed in the moment in which it is used.
  let pageCount: Int
  static let dead: UInt64 = 0xdead_dead_dead_dead
  static let untouched: UInt64 = 0x7070_7070_7070_7070
  /// The first page: in the lower half, below a root entry that stays.
  static let firstAddress: UInt64 = 1 << 39
  static let firstFrame: UInt64 = 0x80_0000

  let table: SharedPageTable<SharedPaging>
  let view: MemoryView

  /// What the threads and processors found.
  struct Counts: Sendable {
    var edits = 0
    var accesses = 0
    var faults = 0
    var staleReads = 0
    var staleWrites = 0
    var lostDirt = 0
    var dirty = 0
    /// Interrupts that guests answered.
    var interrupts: UInt64 = 0
    var problems: [String] = []
  }

  let counts = Mutex(Counts())

  init(
    _ view: MemoryView, pageCount: Int, processors: ProcessorSet<HardwareAccess>,
    flushing: Flushing
  ) throws {
    self.pageCount = pageCount
    self.view = view
    var allocator = try FrameAllocator(byteCount: view.byteCount)
    let pool = try FramePool<HardwareAccess>(
      memory: view, byteCount: 64 * 4096, allocator: &allocator)
    table = try SharedPageTable(
      paging: PagingConfiguration(), pool: pool, processors: processors, flushing: flushing)
    // Makes the tables, which stay: the next page behind the others.
    try table.map(
      address(pageCount), byteCount: 4096,
      to: GuestPhysicalAddress(truncating: Self.firstFrame),
      properties: Self.properties)
  }

  static let properties = PageProperties(rights: [.read, .write], isUser: true)

  func address(_ page: Int) -> LinearAddress {
    LinearAddress(truncating: Self.firstAddress + UInt64(page) << 12, width: .bits48)
  }

  /// The physical address of a frame, from 1 on.
  func place(_ frame: Int, _ word: UInt64 = 0) -> GuestPhysicalAddress {
    GuestPhysicalAddress(truncating: Self.firstFrame + UInt64(frame) << 12 + word * 8)
  }

  func note(_ body: (inout Counts) -> Void) { counts.withLock { body(&$0) } }
}
