// Random operations on the formats of real processors.

import GuestMem
import MMU
import Testing

@Suite("Random operations on real formats agree with the model")
struct RandomTests {
  @Test(
    "A million operations with 4 and 5 levels",
    arguments: [Level.pageMapLevel4, .pageMapLevel5])
  func million(levels: Level) throws {
    let name = "KVMPT_SEED"
    let seed = Environment.value(of: name).flatMap { UInt64($0) } ?? 2026
    let count = 510_000
    if let failure = try runRandom(seed: seed, levels: levels, count: count) {
      let shortest = try shrink(failure.operations, levels: levels)
      Issue.record(
        """
        \(failure.message)
        shortest sequence found: \(shortest)
        repeat with: \(name)=\(seed) swift test --filter RandomTests
        """)
    }
    print("random, \(levels.rawValue) levels: \(count) operations from seed \(seed)")
  }
}
