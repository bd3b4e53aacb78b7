// How long the main job takes, from the start of the process to its verdict.

import Testing

@testable import kvmpt

@Suite(
  "The verdict comes before anybody waits for it", .serialized,
  .enabled(if: Host.hasKVM, "needs /dev/kvm"))
struct StartToVerdictTests {
  @Test("The higher-half example, from the start of the process to the verdict")
  func higherHalf() throws {
    var best = Duration.seconds(60)
    // Other tests and other people want the cores, too: the best of some runs counts.
    for _ in 0..<10 where best > .milliseconds(150) {
      let start = ContinuousClock.now
      let run = try ProgramRun(["verify", MainJobTests.example("higher-half-kernel.yaml")])
      best = min(best, ContinuousClock.now - start)
      #expect(run.exitCode == 0)
    }
    print("start to verdict: \(best), limit 150 ms with optimization")
    #if DEBUG
      #expect(best < .seconds(2))
    #else
      #expect(best < .milliseconds(150))
    #endif
  }
}
