// HeldSignals: signals that wait while something must not be left half done.

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// As long as this lives, the signals that end a program wait, where they reach the thread that made it: a
/// machine that is stopped meanwhile would stay so.
///
/// It must be freed by the same thread. SIGKILL cannot wait.
package final class HeldSignals {
  private var before = sigset_t()

  /// Holds SIGINT, SIGTERM, SIGHUP and SIGQUIT.
  package init() {
    var mask = sigset_t()
    // SAFETY: the masks are variables of this object and this call.
    unsafe sigemptyset(&mask)
    for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] { unsafe sigaddset(&mask, number) }
    unsafe pthread_sigmask(SIG_BLOCK, &mask, &before)
  }

  deinit {
    // SAFETY: the mask was written when the signals were blocked.
    unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
  }
}
