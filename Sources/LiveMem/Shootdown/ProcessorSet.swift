// ProcessorSet: which processors may have translations of an address space, and what they must drop.

/// The processors of an address space, each with a box for requests.
///
/// A processor is in the set from before it loads CR3 until after it has loaded another one. Whoever
/// changes a table writes the entry by a locked operation and looks at the set afterwards; a processor
/// enters the set by one and walks the tables afterwards. So either the processor is seen
/// in the set, or what it walks is new.
///
/// Source: Intel SDM volume 3A, section 5.10.5 (propagation of paging-structure changes to multiple
/// processors).
public final class ProcessorSet<Access: WordAccess>: Sendable {
  /// The number of processors, numbered from 0.
  public let count: Int
  /// A bit for each processor in line 0, and in line 1 + n how many requests processor n was sent, how many it
  /// has done, or `absent`, and how often its box was opened.
  @usableFromInline let lines: WordLines
  @usableFromInline let boxes: [RequestBox]

  /// What stands for the number of requests done of a processor that has no translations.
  @inlinable static var absent: UInt64 { .max }

  /// For up to `count` processors, 1 to 64.
  public init(count: Int = 64) {
    self.count = max(1, min(count, 64))
    lines = WordLines(count: 1 + self.count)
    boxes = (0..<self.count).map { _ in RequestBox() }
    for processor in 0..<self.count { Access.store(doneWord(processor), Self.absent) }
  }

  @inlinable var setWord: SharedWord { lines.word(0) }
  @inlinable
  func sentWord(_ processor: Int) -> SharedWord { lines.word(1 + processor, 0) }
  @inlinable
  func doneWord(_ processor: Int) -> SharedWord { lines.word(1 + processor, 1) }

  @inlinable
  func boxWord(_ processor: Int) -> SharedWord { lines.word(1 + processor, 2) }

  @inlinable
  func check(_ processor: Int) throws(LiveTableError) {
    guard processor >= 0, processor < count else {
      throw .noSuchProcessor(processor, count: count)
    }
  }

  /// True while the processor is in the set.
  @inlinable
  public func isActive(_ processor: Int) -> Bool {
    processor >= 0 && processor < count && Access.load(setWord) & 1 << UInt64(processor) != 0
  }

  /// The processors in the set, as seen after everything that the caller has stored before.
  @inlinable
  func active() -> [Int] {
    let set = Access.load(setWord)
    return (0..<count).filter { set & 1 << UInt64($0) != 0 }
  }

  /// Puts a processor into the set; it has no translation of the space yet.
  ///
  /// Call it before the processor loads CR3 with the root.
  ///
  /// - Throws: ``LiveTableError/noSuchProcessor(_:count:)``, and
  ///   ``LiveTableError/processorState(_:isActive:)`` when it is there already.
  @inlinable
  public func activate(_ processor: Int) throws(LiveTableError) {
    try check(processor)
    let bit: UInt64 = 1 << UInt64(processor)
    guard Access.fetchOr(setWord, bit) & bit == 0 else {
      throw .processorState(processor, isActive: true)
    }
    // What was sent before has no translation to reach. A locked operation: the processor's first
    // walk must not come before this is seen, or a request that was sent meanwhile counts as done.
    _ = Access.exchange(doneWord(processor), Access.load(sentWord(processor)))
  }

  /// Takes a processor out of the set.
  ///
  /// Call it after the processor has loaded CR3 with another root, or is known to have stopped for
  /// ever: it has no translation of the space any more.
  ///
  /// - Throws: ``LiveTableError/noSuchProcessor(_:count:)``, and
  ///   ``LiveTableError/processorState(_:isActive:)`` when it is not there.
  @inlinable
  public func deactivate(_ processor: Int) throws(LiveTableError) {
    try check(processor)
    let bit: UInt64 = 1 << UInt64(processor)
    guard Access.fetchAnd(setWord, ~bit) & bit != 0 else {
      throw .processorState(processor, isActive: false)
    }
    Access.store(doneWord(processor), Self.absent)
  }

  /// Sends `request` to every processor in the set, by `kick`, and answers what to wait for.
  @inlinable
  func dispatch(
    _ request: FlushRequest, kick: (Int) -> Void
  ) -> [FlushTicket.Acknowledgement] {
    // A load is enough: what must be flushed was changed by locked operations, which no later load
    // passes. So changes of spaces without processors write nothing that others read.
    var set = Access.load(setWord)
    var awaited: [FlushTicket.Acknowledgement] = []
    while set != 0 {
      let processor = set.trailingZeroBitCount
      set &= set - 1
      // A step of its own, so that a test sees the box change with it.
      _ = Access.fetchAdd(boxWord(processor), 1)
      boxes[processor].add(request)
      let number = Access.fetchAdd(sentWord(processor), 1) &+ 1
      awaited.append(FlushTicket.Acknowledgement(processor: processor, number: number))
    }
    // The slow part last, so that the processors work at the same time.
    for acknowledgement in awaited { kick(acknowledgement.processor) }
    return awaited
  }

  /// What must be waited for until every request is done that was sent before the call.
  ///
  /// A change sends its requests before it returns or throws. So this is what to wait for after an
  /// error that came when a part was made, after several changes at once, and for changes of other
  /// threads. It may name requests that have nothing to do with the caller's pages.
  ///
  /// - Complexity: two loads for each processor in the set.
  public func ticket() -> FlushTicket {
    // A processor that is not in the set has dropped everything, whatever it was sent.
    FlushTicket(
      awaited: active().map { processor in
        FlushTicket.Acknowledgement(
          processor: processor, number: Access.load(sentWord(processor)))
      }.filter { !hasDone($0) })
  }

  /// Does what a processor was asked for: `flush` must drop the translations before it returns.
  ///
  /// Called where the processor stands still for its program: by the thread that runs it, between
  /// two runs.
  ///
  /// - Returns: whether there was anything to do; false for a number that no processor has.
  /// - Throws: the error of `flush`, after which the requests are still to be done.
  @discardableResult @inlinable
  public func handleRequests<Failure: Error>(
    _ processor: Int, flush: (FlushRequest) throws(Failure) -> Void
  ) throws(Failure) -> Bool {
    guard processor >= 0, processor < count else { return false }
    // First the number, then the requests: what comes in between is flushed too early at worst.
    let sent = Access.load(sentWord(processor))
    let done = doneWord(processor)
    let before = Access.load(done)
    guard before != sent, before != Self.absent else { return false }
    _ = Access.fetchAdd(boxWord(processor), 1)
    let request = boxes[processor].takeAll()
    do throws(Failure) {
      if !request.isEmpty { try flush(request) }
    } catch {
      boxes[processor].add(request)
      throw error
    }
    Access.store(done, sent)
    return true
  }

  /// True when the processor has dropped what was asked for.
  @inlinable
  func hasDone(_ awaited: FlushTicket.Acknowledgement) -> Bool {
    let done = Access.load(doneWord(awaited.processor))
    return done == Self.absent || done >= awaited.number
  }

  /// Waits until the processor has dropped what was asked for; false when the time is over.
  @inlinable
  func wait(for awaited: FlushTicket.Acknowledgement, _ patience: inout Patience) -> Bool {
    let word = doneWord(awaited.processor)
    while true {
      let done = Access.load(word)
      if done == Self.absent || done >= awaited.number { return true }
      guard Access.wait(word, while: done, &patience) else { return false }
    }
  }
}
