// RunWait: calling KVM_RUN until the guest exits, whatever interrupts it.

internal import CKVM
internal import CLinux

/// Repeats a call that signals interrupt, for a time.
struct RunWait {
  /// How long.
  let limit: Duration

  /// How the calls ended.
  enum End {
    /// The guest exited.
    case exited
    /// The limit came first.
    case limitReached
    /// Somebody wants the guest to stop.
    case kicked
  }

  /// Calls `run` until it returns without an error, or until the limit, or as long as there is no kick.
  ///
  /// EINTR says that the guest ran and a signal came; that of the time limit is one of them. EAGAIN
  /// says that the guest did not run at all: a vCPU that is not initialized, or a kernel that could
  /// not make the thread which it makes before a machine's first run (Linux 6.14 and later, for the
  /// recovery of huge pages) because of a limit of processes. A guest that never ran has not hung.
  ///
  /// - Throws: what the call failed with; EAGAIN when the last call before the limit did.
  ///
  /// Source: KVM API document, section 4.10; fork(2), EAGAIN.
  func callUntilExit(
    takeKick: () -> Bool = { false }, _ run: () -> Int64
  ) throws(KVMError) -> End {
    let start = ContinuousClock.now
    while true {
      if takeKick() { return .kicked }
      let result = run()
      switch -Int32(truncatingIfNeeded: result) {
      case EINTR:
        if ContinuousClock.now - start >= limit { return .limitReached }
      case EAGAIN:
        if ContinuousClock.now - start >= limit { throw .call(.run, errorNumber: EAGAIN) }
        // Whoever holds what KVM lacks may need this processor to let it go.
        clinux_yield()
      default:
        _ = try checked(result, .run)
        return .exited
      }
    }
  }
}
