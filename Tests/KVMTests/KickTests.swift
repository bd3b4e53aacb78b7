// Ending a run from another thread.

import Glibc
import MMU
import Synchronization
import TestHosts
import TestImages
import TestSupport
import Testing

@testable import KVM

@Suite("A kick ends a run, and is never lost", .enabled(if: Host.hasKVM, "needs /dev/kvm"))
struct KickTests {
  @Test("A run that would last for ever ends for each of a thousand kicks")
  func running() throws {
    // jmp to itself
    let guest = try TestGuest(code: [0xeb, 0xfe])
    let kick = guest.cpu.kick
    let endedCount = Atomic<Int>(0)
    let kicker = WorkerThread {
      for round in 0..<1000 {
        kick.kick()
        while endedCount.load(ordering: .acquiring) <= round { usleep(50) }
      }
    }
    for _ in 0..<1000 {
      let exit = try guest.cpu.run(limit: .seconds(300))
      #expect(exit == .kicked)
      endedCount.add(1, ordering: .releasing)
    }
    kicker.join()
  }

  @Test("A kick before a run ends it as it begins, however many there were, and no other run")
  func early() throws {
    // hlt
    let guest = try TestGuest(code: [0xf4])
    guest.cpu.kick.kick()
    guest.cpu.kick.kick()
    let first = try guest.cpu.run(limit: .seconds(300))
    #expect(first == .kicked)
    let second = try guest.cpu.run(limit: .seconds(300))
    #expect(second == .halted)
  }

  @Test("Who kicks a processor that is gone does nothing")
  func gone() throws {
    let kick = try TestGuest(code: [0xf4]).cpu.kick
    kick.kick()
  }
}
