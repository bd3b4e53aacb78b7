// Lies about random spaces: each that matters by the manual is reported, and no other.

import Lies
import MMU
import TestHosts
import TestSupport
import Testing

@testable import Probe

@Suite("Every lie that matters is reported, and no other")
struct LieTests {
  @Test("on KVM", .enabled(if: Host.hasKVM, "needs /dev/kvm"))
  func kvm() throws {
    try Self.run(on: KVMMachineFactory(), pairCount: TestSetting.depth(40, full: 120))
  }

  @Test("on QEMU's emulator", .enabled(if: Host.hasQEMU, "needs qemu-system-x86_64"))
  func emulator() throws {
    try Self.run(on: QEMUMachineFactory(), pairCount: TestSetting.depth(10, full: 40))
  }

  private static func run(on factory: some MachineFactory, pairCount: Int) throws {
    let verifier = Verifier(factory: factory)
    let profile = try #require(try verifier.profile(for: SampleSpaces.everySizeAndRight))
    let summary = LieCampaign(LieTrial(verifier, profile)).run(
      count: pairCount, from: 1, workerCount: factory.workerCount)
    print("\(factory.identity.name): \(summary.words)")
    for failure in summary.failures.prefix(5) {
      Issue.record("seed \(failure.seed): \(failure.words)")
    }
    #expect(summary.failures.isEmpty)
    #expect(summary.pairCount == pairCount)
    // Neither all of them matter nor none, or the test would be about nothing.
    #expect(summary.matteringCount > pairCount / 2)
    #expect(summary.harmlessCount > pairCount / 10)
    #expect(summary.executedCount > pairCount * 100)
  }
}
