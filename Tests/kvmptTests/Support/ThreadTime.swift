// ThreadTime: the processor time of this thread, which others cannot use up.

import Glibc

enum ThreadTime {
  /// What the calling thread has used so far.
  static var now: Duration {
    var time = timespec()
    // SAFETY: the kernel fills the structure before the call returns.
    _ = unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }
}
