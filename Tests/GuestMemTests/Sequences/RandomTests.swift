// Random operations on the formats of real processors.

import GuestMem
import MMU
import TestSupport
import Testing

@Suite("Random operations on real formats agree with the model")
struct RandomTests {
  /// A million over both numbers of levels, where tests are full.
  static let count = TestSetting.depth(60_000, full: 510_000)

  @Test(
    "Random operations with 4 and 5 levels",
    arguments: [Level.pageMapLevel4, .pageMapLevel5])
  func million(levels: Level) throws {
    try run(NativePaging.self, levels: levels, count: Self.count)
  }

  @Test("As many in the format of OSTD", arguments: [Level.pageMapLevel4, .pageMapLevel5])
  func millionOSTD(levels: Level) throws {
    try run(WideOSTDPaging.self, levels: levels, count: Self.count)
  }

  func run<Configuration: PageTableConfiguration>(
    _: Configuration.Type, levels: Level, count: Int
  ) throws {
    let name = "KVMPT_SEED"
    let seed = TestSetting.number(name) ?? 2026
    if let failure = try runRandom(
      Configuration.self, seed: seed, levels: levels, count: count)
    {
      let shortest = try shrink(Configuration.self, failure.operations, levels: levels)
      Issue.record(
        """
        \(failure.message)
        shortest sequence found: \(shortest)
        repeat with: \(name)=\(seed) swift test --filter RandomTests
        """)
    }
    print(
      "random, \(Configuration.entryFormat), \(levels.rawValue) levels: \(count) operations from seed \(seed)"
    )
  }
}
