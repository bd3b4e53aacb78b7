// SharedPageTable: one root that several threads change while processors walk below it.

public import GuestMem
public import MMU

/// A page table that any number of threads change at the same time, while processors run on it.
///
/// An operation locks the tables that decide its range, and nothing else, so that threads that work
/// in different parts of the space do not wait for each other. Reading takes no lock. A frame of a
/// table that was removed is used again only after every processor in ``processors`` has dropped its
/// translations and no thread can be reading it any more.
///
/// Every operation checks everything and takes the frames it needs before it writes the first entry:
/// an error leaves the table as it was. A lock is waited for as long as `patience` lasts.
///
/// An operation that took translations away answers with a ``FlushTicket``: the change is made, and
/// the pages that it removed may be used for something else after ``sync(_:patience:)``. Nothing must
/// be flushed for pages that were absent before, or that got more rights: a processor that has the
/// old entry faults once more at most.
///
/// Source: Intel SDM volume 3A, section 5.10.4.3 (optional invalidation).
public final class SharedPageTable<Configuration: SharedPageTableConfiguration>: Sendable {
  /// How shared words are read and written.
  public typealias Access = Configuration.Access

  /// Where the tables stand and how they are read.
  public let tables: TableMemory<Configuration>
  /// The table that CR3 points at.
  public let root: TableFrame
  /// Where the words of tables, locks and pins stand.
  @usableFromInline let places: TablePlaces<Configuration>
  /// Where frames for tables come from.
  public let pool: FramePool<Access>
  /// The epochs in which tables are read; several tables may share a domain.
  public let epochs: EpochDomain<Access>
  /// The processors that may have translations of the table.
  public let processors: ProcessorSet<Access>
  /// Who takes translations out of the processors' caches.
  public let flushing: Flushing
  /// Tables that were unlinked and whose frames are not free yet.
  @usableFromInline let limbo: Limbo

  /// Takes a frame for an empty root.
  ///
  /// - Parameters:
  ///   - paging: How the processors read the tables.
  ///   - rootLevel: The level of the root; the processor's unless told otherwise.
  ///   - pool: Where frames for tables come from.
  ///   - epochs: The epochs in which threads read; a domain of its own unless told otherwise.
  ///   - processors: The processors that will use the table; up to 64 unless told otherwise.
  ///   - flushing: Who takes translations out of the processors' caches; unless told otherwise the
  ///     processors, which look for requests by themselves.
  ///   - marks: The payloads that marks of absent pages may have.
  /// - Throws: ``LiveTableError/ownedLeaves``, and `outOfFrames` of `PageTableError`.
  public init(
    paging: PagingConfiguration, rootLevel: Level? = nil, pool: FramePool<Access>,
    epochs: EpochDomain<Access> = EpochDomain(), processors: ProcessorSet<Access> = ProcessorSet(),
    flushing: Flushing = .byProcessors(kick: { _ in }), marks: MarkLimits = MarkLimits()
  ) throws(LiveTableError) {
    guard Configuration.leafOwnership == .none else { throw .ownedLeaves }
    tables = TableMemory(
      memory: pool.memory, metadata: pool.metadata, paging: paging,
      rootTableLevel: rootLevel ?? paging.rootLevel)
    self.pool = pool
    self.epochs = epochs
    self.processors = processors
    self.flushing = flushing
    limbo = Limbo(listCount: min(epochs.capacity, 16))
    guard let root = pool.take(level: tables.rootLevel) ?? pool.take() else {
      throw .table(.outOfFrames(needed: 1, available: 0))
    }
    tables.memory.clearUnlinked(root, 0..<512)
    pool.metadata.setOwnership(.shared(1), of: root.frame)
    pool.metadata.setNodeState(
      NodeState(levelNumber: tables.rootLevel, presentCount: 0), of: root.frame)
    self.root = root
    places = TablePlaces(
      tables, root: root, pins: epochs.pins, marks: marks, processors: processors.setWord,
      unlinksTables: flushing.unlinksTables)
  }

  /// What CR3 is loaded with: the guest-physical address of the root.
  public var rootAddress: GuestPhysicalAddress { GuestPhysicalAddress(truncating: root.address) }

  /// Gives every frame of the tables back to the pool, the root's as well.
  ///
  /// No other thread must use the table any more; the object must not be used afterwards.
  ///
  /// - Throws: ``FlushTimeout`` when processors still use it: nothing has changed then.
  public func close() throws(FlushTimeout) {
    let active = (0..<processors.count).filter(processors.isActive)
    guard active.isEmpty else { throw FlushTimeout(processors: active) }
    for list in 0..<limbo.listCount {
      for retired in limbo.takeAll(of: list) {
        for frame in retired.frames { pool.give(frame) }
      }
    }
    var frames: [TableFrame] = []
    collectTables(root, level: tables.rootLevel, into: &frames)
    for frame in frames.reversed() { pool.give(frame) }
  }

  /// The tables below `table` and the table itself, parents first.
  func collectTables(_ table: TableFrame, level: UInt64, into frames: inout [TableFrame]) {
    frames.append(table)
    guard level > 1 else { return }
    for index in 0..<Configuration.entryCount {
      guard let child = places.child(of: places.load(table, index), level: level) else { continue }
      collectTables(child, level: level - 1, into: &frames)
    }
  }

  // MARK: - Changes that are over

  /// Sends what must be flushed, and keeps unlinked tables until nobody can reach them.
  ///
  /// Called without a lock held: the slow part of a change must not keep others waiting.
  @inlinable @inline(never)
  func finish(flush: FlushRequest, unlinked: [TableFrame]) -> FlushTicket {
    // Processors were looked at after everything was written, by locked operations that no load passes.
    let ticket =
      flush.isEmpty || Access.load(places.processors) == 0 ? FlushTicket.nothing : send(flush)
    guard !unlinked.isEmpty else { return ticket }
    // Read after the tables were unlinked.
    let retired = RetiredTables(epoch: epochs.epoch, ticket: ticket, frames: unlinked)
    let list = Int(Access.thread.rawValue) % limbo.listCount
    let count = Access.fetchAdd(limbo.counts.word(list), 1) &+ 1
    limbo.add(retired, to: list)
    if count >= Self.reclaimInterval { reclaim(list) }
    return ticket
  }

  /// Asks the processors to drop translations, or takes them away.
  @inlinable
  func send(_ flush: FlushRequest) -> FlushTicket {
    switch flushing {
    case .byProcessors(let kick):
      return FlushTicket(awaited: processors.dispatch(flush, kick: kick))
    case .byHost(let mapping, let settle):
      let active = processors.active()
      guard !active.isEmpty else { return .nothing }
      do {
        // Who faults from now on finds the new entries.
        try settle()
        for target in flush.targets { try mapping.dropTranslations(to: target) }
        return .nothing
      } catch {
        // Nobody knows what the processors still have, until they drop it themselves or leave.
        return FlushTicket(awaited: processors.dispatch(flush, kick: { _ in }))
      }
    }
  }

  /// Waits until every processor of the ticket has dropped the translations that the change made
  /// false.
  ///
  /// Afterwards no access goes through them, and the pages that the change removed may be used for
  /// something else. Do not call it with a range of a table locked: the thread that runs a
  /// processor may wait for that lock.
  ///
  /// - Throws: ``FlushTimeout`` with the processors that have not answered.
  @inlinable
  public func sync(_ ticket: FlushTicket, patience: Patience = .standard) throws(FlushTimeout) {
    var patience = patience
    var late: [Int] = []
    for awaited in ticket.awaited where !processors.wait(for: awaited, &patience) {
      late.append(awaited.processor)
    }
    guard late.isEmpty else { throw FlushTimeout(processors: late) }
  }

  /// Begins the next epoch if it can begin, and gives frames back that nobody can reach any more.
  ///
  /// Changes do this by themselves from time to time, and when frames run out.
  ///
  /// - Returns: the number of frames that went back to the pool.
  @discardableResult @inlinable
  public func reclaim() -> Int {
    (0..<limbo.listCount).reduce(0) { $0 + reclaim($1) }
  }

  /// The same for what some of the threads have unlinked.
  @discardableResult @inlinable
  func reclaim(_ list: Int) -> Int {
    let count = limbo.counts.word(list)
    guard Access.load(count) != 0 else { return 0 }
    epochs.advance()
    guard Access.exchange(count, 0) != 0 else { return 0 }
    var freed = 0
    var kept: [RetiredTables] = []
    for retired in limbo.takeAll(of: list) {
      // No look at the clock: who waits for a processor calls `sync`.
      if epochs.isOver(retired.epoch), retired.ticket.awaited.allSatisfy(processors.hasDone) {
        for frame in retired.frames { pool.give(frame) }
        freed += retired.frames.count
      } else {
        kept.append(retired)
      }
    }
    if !kept.isEmpty {
      _ = Access.fetchAdd(count, UInt64(kept.count))
      limbo.add(kept, to: list)
    }
    return freed
  }

  /// The number of frames that were unlinked and are not free yet.
  public var retiredFrameCount: Int { limbo.frameCount }

  /// The number of changes with unlinked tables by threads of one list after which frames are given back.
  @inlinable static var reclaimInterval: UInt64 { 8 }

  /// Takes `count` frames, after giving back what can be given back if there are too few.
  ///
  /// All or none. The thread whose `pin` is given must have locked everything that it goes on with.
  @inlinable
  func takenFrames(_ count: UInt64, pin: Int?) -> Result<[TableFrame], LiveTableError> {
    var taken: [TableFrame] = []
    var triesLeft = 3
    while UInt64(taken.count) < count {
      if let frame = pool.take() {
        taken.append(frame)
        continue
      }
      // Two epochs must begin before a frame that was unlinked now can be had.
      triesLeft -= 1
      guard triesLeft >= 0 else {
        for frame in taken { pool.give(frame) }
        return .failure(.table(.outOfFrames(needed: count, available: UInt64(taken.count))))
      }
      // Whatever this thread found by its pin is locked: it need not keep the next epoch from beginning.
      if let pin { places.pins.refresh(pin) }
      reclaim()
    }
    return .success(taken)
  }
}
