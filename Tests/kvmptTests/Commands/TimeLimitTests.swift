// Durations on the command line.

import Testing

@testable import kvmpt

@Suite("A time limit is a number with a unit")
struct TimeLimitTests {
  @Test(
    "Seconds are meant where nothing is said",
    arguments: [
      ("1", 1000), ("30s", 30_000), ("500ms", 500), ("2m", 120_000), ("86400s", 86_400_000),
    ])
  func accepts(_ text: String, _ milliseconds: Int) throws {
    #expect(try #require(TimeLimit(argument: text)).duration == .milliseconds(milliseconds))
  }

  @Test(
    "Nothing, zero, signs, fractions and more than a day are refused",
    arguments: [
      "", "s", "ms", "0", "0s", "-1s", "+1", "1.5s", "1h", "86401s", "99999999999999999999",
      "9223372036854775807m", "1 s", "s1",
    ])
  func refuses(_ text: String) {
    #expect(TimeLimit(argument: text) == nil)
  }
}
