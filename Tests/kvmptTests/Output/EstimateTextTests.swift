// How long the probes take, in words.

import ArgumentParser
import Synchronization
import Testing

@testable import Probe
@testable import kvmpt

@Suite("An estimate that exceeds the time limit is a warning with the limit that would do")
struct EstimateTextTests {
  /// 100 probes took `elapsed` of the limit, of which `timeLeft` is left.
  static func estimate(
    _ probeCount: Int, elapsed: Duration = .seconds(1), timeLeft: Duration = .seconds(50)
  ) -> VerificationEstimate {
    VerificationEstimate(
      machine: "KVM", probeCount: probeCount, doneCount: 100, elapsed: elapsed, timeLeft: timeLeft)
  }

  static func text(_ probeCount: Int, _ extent: ProbeExtent = .reduced) -> EstimateText {
    EstimateText(estimate(probeCount), timeout: .seconds(60), extent)
  }

  @Test("What is left takes as long as its share, at the rate so far")
  func remainingTime() {
    #expect(Self.estimate(100).remainingTime == .zero)
    #expect(Self.estimate(700).remainingTime == .seconds(6))
    #expect(Self.estimate(50).remainingTime == .zero)
    #expect(Self.estimate(.max, elapsed: .seconds(100_000)).remainingTime == .seconds(1e15))
    let unknown = VerificationEstimate(
      machine: "KVM", probeCount: 9, doneCount: 0, elapsed: .seconds(1), timeLeft: .zero)
    #expect(unknown.remainingTime == nil && !unknown.exceedsTimeLimit)
    #expect(EstimateText(unknown, timeout: .seconds(1), .reduced).warning == nil)
  }

  @Test("The warning begins where the limit comes before the end")
  func limit() {
    #expect(!Self.estimate(5100).exceedsTimeLimit)
    #expect(Self.text(5100).warning == nil)
    #expect(Self.estimate(5101).exceedsTimeLimit)
  }

  @Test("It says how long that is, by which rate, and what would do")
  func words() {
    // 10 seconds are gone, 60 are left at this rate, and a quarter is added: 85.
    #expect(
      Self.text(6100).warning == """
        warning: 6,100 probes take about 61 s on KVM, at the rate of the first 100, and the time \
        limit leaves 51 s for them
          hint: pass --timeout 85s
        """)
    #expect(Self.text(60_100).warning?.hasSuffix("hint: pass --timeout 13m") == true)
    // No limit that can be given would do.
    #expect(
      Self.text(100_000_000, .exhaustive).warning?.hasSuffix(
        "hint: no --timeout is as long: leave out --exhaustive") == true)
    #expect(
      Self.text(100_000_000).warning?.hasSuffix(
        "hint: no --timeout is as long: prove the tables in parts") == true)
  }

  @Test(
    "A rough time has one unit, and what is begun counts",
    arguments: [
      (0, "0 s"), (1, "1 s"), (1000, "1 s"), (119_001, "2 min"), (7_140_000, "119 min"),
      (7_200_000, "2 h"), (172_799_000, "48 h"), (172_800_000, "2 days"),
      (172_800_001, "3 days"),
    ])
  func rough(_ milliseconds: Int, _ words: String) {
    #expect(Duration.milliseconds(milliseconds).roughWords == words)
  }

  @Test("verify takes the extent from its options, and warns by its time limit")
  func command() throws {
    let said = Mutex<[String]>([])
    let line = ProgressLine(title: "probing", isEnabled: false)
    for (arguments, extent, cure) in [
      (["a.yaml"], ProbeExtent.reduced, "in parts"),
      (["a.core", "--exhaustive", "--timeout", "70s"], .exhaustive, "leave out --exhaustive"),
    ] {
      var options = VerificationOptions()
      try VerifyCommand.parse(arguments).useExtent(in: &options, line) { text in
        said.withLock { $0.append(text) }
      }
      #expect(options.extent == extent)
      options.estimateObserver?(Self.estimate(5100))
      #expect(said.withLock { $0 } == [])
      options.estimateObserver?(Self.estimate(100_000_000))
      #expect(said.withLock { $0.count == 1 && $0[0].hasSuffix(cure) })
      said.withLock { $0 = [] }
      options.estimateObserver?(Self.estimate(6100))
      // What is gone of the limit counts: 10 s of 60, or 20 of 70.
      let limit = extent == .reduced ? "85s" : "95s"
      #expect(said.withLock { $0.count == 1 && $0[0].hasSuffix("--timeout \(limit)") })
      said.withLock { $0 = [] }
    }
  }

  @Test("The progress says what is left, once a rate is known")
  func progress() {
    #expect(ProgressLine.left(900, nil) == "")
    #expect(ProgressLine.left(900, .milliseconds(10)) == ", about 9 s left")
    #expect(ProgressLine.left(.max, .seconds(100)).hasSuffix(" days left"))
  }

  @Test("A limit is said as it can be given")
  func argument() {
    for text in ["1s", "119s", "2m", "1440m", "121s"] {
      #expect(TimeLimit(argument: text)?.argumentText == text)
    }
  }
}
