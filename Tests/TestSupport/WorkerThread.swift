// WorkerThread: a thread of the operating system, for tests that need one running all the time.

internal import Glibc
internal import Synchronization

/// A thread that runs a closure once.
@safe public final class WorkerThread {
  private var thread: pthread_t = 0

  /// Starts the thread.
  public init(_ body: @escaping @Sendable () -> Void) {
    // SAFETY: the reference goes to the thread, which releases it.
    let box = unsafe Unmanaged.passRetained(Box(body)).toOpaque()
    // SAFETY: the box is retained for the thread, which takes the reference over.
    _ = unsafe pthread_create(
      &thread, nil,
      { argument in
        guard let argument = unsafe argument else { return nil }
        unsafe Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
        return nil
      }, box)
  }

  /// Waits for the closure to end.
  public func join() {
    pthread_join(thread, nil)
  }

  private final class Box {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
}

/// Runs `body` on `count` threads, none before all have started, while `other` runs on this one,
/// and waits for all.
public func withThreads(
  _ count: Int, _ body: @escaping @Sendable (Int) -> Void, while other: () -> Void = {}
) {
  let gate = Gate()
  let threads = (0..<count).map { number in
    WorkerThread {
      gate.started.add(1, ordering: .acquiringAndReleasing)
      while gate.started.load(ordering: .acquiring) < count { sched_yield() }
      body(number)
    }
  }
  other()
  for thread in threads { thread.join() }
}

/// Counts the threads that have started.
private final class Gate: Sendable {
  let started = Atomic<Int>(0)
}
