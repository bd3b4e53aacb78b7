// WorkerThread: a thread of the operating system, for tests that need one running all the time.

import Glibc

/// A thread that runs a closure once.
final class WorkerThread {
  private var thread: pthread_t = 0

  init(_ body: @escaping @Sendable () -> Void) {
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
  func join() {
    pthread_join(thread, nil)
  }

  private final class Box {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
}
