// Schedule: one run of some threads, step by step.

import Coroutines
import GuestMem
import LiveMem

/// The threads of one run, as coroutines that stop before each step, and their store buffers.
///
/// Process `n` below `threadCount` is thread n; process `threadCount + n` makes the oldest store of
/// thread n visible. So a store can become visible after any later load of its thread, as on x86
/// (Intel SDM volume 3A, section 9.2.3.4), and stores of one thread become visible in their order.
@safe final class Schedule {
  let threadCount: Int
  /// The thread that runs now.
  private(set) var running = 0
  /// What went wrong, in words.
  private(set) var violation: String?
  private var threads: [Thread] = []
  /// Without buffers stores become visible at once.
  let buffersStores: Bool

  @safe private final class Thread {
    let body: () -> Void
    var routine: OpaquePointer?
    var planned: PlannedStep?
    var buffer: [(word: SharedWord, value: UInt64)] = []
    var hasEnded = false

    init(body: @escaping () -> Void) { self.body = body }
  }

  /// Starts the threads: each runs until its first step.
  init(threads bodies: [() -> Void], buffersStores: Bool = true) {
    threadCount = bodies.count
    self.buffersStores = buffersStores
    threads = bodies.map { Thread(body: $0) }
    for index in threads.indices {
      let context = unsafe Unmanaged.passUnretained(threads[index]).toOpaque()
      unsafe threads[index].routine = unsafe coroutine_create(
        { context in
          guard let context = unsafe context else { return }
          unsafe Unmanaged<Thread>.fromOpaque(context).takeUnretainedValue().body()
        }, context)
      goOn(index)
    }
  }

  deinit {
    for thread in threads {
      if let routine = unsafe thread.routine { unsafe coroutine_destroy(routine) }
    }
  }

  /// Lets a thread run until its next step.
  private func goOn(_ index: Int) {
    guard let routine = unsafe threads[index].routine else {
      return fail("no memory for a coroutine")
    }
    running = index
    threads[index].planned = nil
    unsafe coroutine_set_owner(Unmanaged.passUnretained(self).toOpaque())
    unsafe coroutine_resume(routine)
    coroutine_set_owner(nil)
    if unsafe coroutine_has_ended(routine) { threads[index].hasEnded = true }
  }

  func fail(_ violation: String) {
    if self.violation == nil { self.violation = violation }
  }

  // MARK: - What the threads call

  private func stop(before kind: PlannedStep.Kind, _ word: SharedWord) {
    threads[running].planned = PlannedStep(kind: kind, word: word)
    let own = running
    coroutine_yield()
    running = own
  }

  /// The value that this thread stored last and nobody else sees yet.
  private func buffered(_ word: SharedWord) -> UInt64? {
    threads[running].buffer.last { $0.word == word }?.value
  }

  func load(_ word: SharedWord) -> UInt64 {
    // A thread sees its own stores at once.
    if let value = buffered(word) { return value }
    stop(before: .load, word)
    let value = HardwareAccess.load(word)
    if value == FramePool<ScheduledAccess>.poison {
      fail("thread \(running) read a word of a frame that was given back")
    }
    return value
  }

  func store(_ word: SharedWord, _ value: UInt64) {
    if buffersStores {
      threads[running].buffer.append((word, value))
    } else {
      stop(before: .change, word)
      HardwareAccess.store(word, value)
    }
  }

  func change(_ word: SharedWord) { stop(before: .change, word) }

  func wait(_ word: SharedWord, while value: UInt64) {
    if let own = buffered(word), own != value { return }
    stop(before: .wait(value), word)
  }

  // MARK: - What the explorer calls

  var processCount: Int { 2 * threadCount }

  /// What a process would do next, if it can; nil for one that has ended or must wait.
  func next(_ process: Int) -> PlannedStep? {
    if process >= threadCount {
      guard let oldest = threads[process - threadCount].buffer.first else { return nil }
      return PlannedStep(kind: .drain, word: oldest.word)
    }
    guard let planned = threads[process].planned else { return nil }
    switch planned.kind {
    case .load, .drain: return planned
    case .change: return threads[process].buffer.isEmpty ? planned : nil
    case .wait(let value): return HardwareAccess.load(planned.word) == value ? nil : planned
    }
  }

  /// What a thread stands before, whether it can go on or not.
  func planned(_ thread: Int) -> PlannedStep? { threads[thread].planned }

  /// True when every thread has ended and all stores are visible.
  var isOver: Bool { threads.allSatisfy { $0.hasEnded && $0.buffer.isEmpty } }

  /// The threads that have not ended.
  var unfinished: [Int] { threads.indices.filter { !threads[$0].hasEnded } }

  /// The number of stores of a thread that are not visible yet.
  func bufferedCount(_ thread: Int) -> Int { threads[thread].buffer.count }

  /// Makes the step that `next` answered.
  func make(_ process: Int) {
    if process >= threadCount {
      let store = threads[process - threadCount].buffer.removeFirst()
      HardwareAccess.store(store.word, store.value)
    } else {
      goOn(process)
    }
  }
}
