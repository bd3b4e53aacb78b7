// LockedRange: a range of a shared page table that this thread alone may change.

public import GuestMem
public import MMU

/// A range of linear addresses whose tables are locked, with the operations on it.
///
/// ``SharedPageTable/withRange(_:byteCount:patience:_:)`` makes it. Between two operations on it no
/// other thread sees or changes anything in the range but by reading single pages.
///
/// Whoever makes one calls `finish` on every way out: only that unlocks.
@safe public struct LockedRange<Configuration: SharedPageTableConfiguration>: ~Copyable {
  @usableFromInline typealias Access = Configuration.Access

  // Not counted: `withRange`, which makes the range, is a call on the table. Only what is slow or rare
  // uses it; the rest goes through `places`.
  @usableFromInline let table: Unmanaged<SharedPageTable<Configuration>>
  @usableFromInline let places: TablePlaces<Configuration>
  /// The positions that may be changed.
  @usableFromInline let range: Range<UInt64>
  /// The lowest table whose entries decide the whole range; locked.
  @usableFromInline var covering: TableFrame
  @usableFromInline var level: UInt64
  /// The locked tables below it, in the order in which they were locked.
  ///
  /// With readers' locks there are none: nobody passes the covering table.
  @usableFromInline var below: [TableFrame] = []
  /// Bit n is set while this thread has a reader's lock of the table at level n above the covering.
  @usableFromInline var readLevels: UInt64 = 0
  @usableFromInline var isLocked = false
  /// The line of this thread's pin; nil when it has ended.
  @usableFromInline var pin: Int?
  /// What processors must drop.
  @usableFromInline var flush = FlushRequest()
  /// Tables that nothing links any more.
  @usableFromInline var unlinked: [TableFrame] = []

  @inlinable
  init(
    _ table: SharedPageTable<Configuration>, _ range: Range<UInt64>, pin: Int
  ) {
    unsafe self.table = Unmanaged.passUnretained(table)
    places = table.places
    self.range = range
    self.pin = pin
    covering = table.places.root
    level = table.places.rootLevel
  }

  /// True while new tables must be locked before they are linked: threads reach them without a lock
  /// above.
  @inlinable static var locksNewTables: Bool { Configuration.lockProtocol == .adv }

  /// Unlocks what is locked, the table that was locked last first.
  @inlinable
  func release() {
    var index = below.count
    while index > 0 {
      index &-= 1
      places.unlock(below[index])
    }
    if isLocked { places.unlock(covering) }
  }

  /// Unlocks everything, lets the epoch go, and sends what must be flushed.
  @inlinable
  mutating func finish() -> FlushTicket {
    release()
    isLocked = false
    below = []
    releaseReaders()
    if let pin { places.pins.unpin(pin) }
    pin = nil
    if unlinked.isEmpty {
      // What must be flushed was changed by locked operations, which this load does not pass.
      guard !flush.isEmpty, Access.load(places.processors) != 0 else { return .nothing }
    }
    // SAFETY: as for `takeFrames`.
    return unsafe table._withUnsafeGuaranteedRef { $0.finish(flush: flush, unlinked: unlinked) }
  }

  /// Takes frames for tables, all or none.
  @inlinable
  func takeFrames(_ count: UInt64) throws(LiveTableError) -> [TableFrame] {
    guard count > 0 else { return [] }
    // SAFETY: the table lives as long as the call of `withRange` that made this range.
    return try unsafe table._withUnsafeGuaranteedRef {
      $0.takenFrames(count, pin: pin)
    }.get()
  }

  /// Gives frames back that were taken and not used.
  @inlinable
  func giveBack(_ frames: [TableFrame]) {
    guard !frames.isEmpty else { return }
    // SAFETY: as for `takeFrames`.
    unsafe table._withUnsafeGuaranteedRef { $0.giveBack(frames) }
  }

  /// Gives up the readers' locks, the lowest first.
  @inlinable
  mutating func releaseReaders() {
    var level: UInt64 = 1
    while readLevels != 0 {
      let bit: UInt64 = 1 &<< level
      if readLevels & bit != 0 {
        releaseReader(level)
        readLevels &= ~bit
      }
      level &+= 1
    }
  }

  /// The part of the range that an operation names, as positions.
  @inlinable
  func part(_ linear: LinearAddress, byteCount: UInt64) throws(LiveTableError) -> Range<UInt64> {
    let part: Range<UInt64>
    do throws(PageTableError) {
      part = try places.positions(linear, byteCount: byteCount)
    } catch {
      throw .table(error)
    }
    guard part.lowerBound >= range.lowerBound, part.upperBound <= range.upperBound else {
      throw .table(.outsideCursor(linearAddress: linear.rawValue, byteCount: byteCount))
    }
    return part
  }
}
