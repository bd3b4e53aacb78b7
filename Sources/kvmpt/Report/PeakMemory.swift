// peakMemoryMiB: how much memory this process has used at most.

import Glibc

/// The largest resident set so far, in MiB, rounded up.
///
/// Source: getrusage(2), ru_maxrss in KiB.
func peakMemoryMiB() -> Int {
  var usage = rusage()
  // SAFETY: the kernel fills the structure.
  _ = unsafe getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
  return (usage.ru_maxrss + 1023) / 1024
}
