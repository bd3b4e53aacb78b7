// FaultWatch: when a KVM guest is to be tried for a fault that comes for ever.

import MMU

/// Looks at a running guest's registers now and then.
struct FaultWatch {
  private var cr2 = KVMBoot.initialCR2
  /// So many looks in a row found this CR2.
  private var lookCount = 0
  /// At so many the guest is tried next.
  private var nextTrial = 2
  private var lookDuration: Duration = .zero

  /// How long the guest may run until the next look: briefly after the first page fault, but at least four
  /// times as long as the last look took, so that watching leaves a guest of a slow host its time.
  var interval: Duration {
    let least: Duration = cr2 == KVMBoot.initialCR2 ? .milliseconds(5) : .milliseconds(1)
    return max(least, lookDuration * 4)
  }

  /// True when CR2 has been the same for so long that the guest is worth a trial; twice as long each time.
  mutating func isDue(_ registers: GuestRegisters) -> Bool {
    if registers.cr2 != cr2 {
      cr2 = registers.cr2
      lookCount = 0
      nextTrial = 2
    }
    guard cr2 != KVMBoot.initialCR2, registers.isLongMode else { return false }
    lookCount += 1
    guard lookCount >= nextTrial else { return false }
    nextTrial *= 2
    return true
  }

  /// Says how long the look took, a trial included.
  mutating func looked(for duration: Duration) { lookDuration = duration }
}
