// The timer of a run by itself: whom it interrupts, and until when.

import Glibc
import Testing

@testable import KVM

@Suite("A timer interrupts the thread that made it, over and over, until it is disarmed")
struct KickTimerTests {
  /// True when a sleep ended early because of a signal.
  static func isInterrupted(during seconds: Int, _ milliseconds: Int = 0) -> Bool {
    var time = timespec(tv_sec: seconds, tv_nsec: milliseconds * 1_000_000)
    // SAFETY: the kernel reads the time.
    return unsafe nanosleep(&time, nil) != 0 && errno == EINTR
  }

  @Test("It fires again and again, and no more once it is disarmed")
  func disarmed() throws {
    let timer = try KickTimer()
    for limit in [.milliseconds(1), .nanoseconds(1), .zero] as [Duration] {
      try timer.arm(limit: limit)
      // Only a timer that never fires lets one of these end by itself.
      for round in 0..<3 { #expect(Self.isInterrupted(during: 30), "\(limit), kick \(round)") }
      timer.disarm()
      for _ in 0..<3 { #expect(!Self.isInterrupted(during: 0, 10), "\(limit)") }
    }
    timer.disarm()
    #expect(!Self.isInterrupted(during: 0, 5), "twice is as good as once")
  }

  @Test("One that was never armed, has a long limit, or is gone does not fire")
  func silent() throws {
    do {
      let timer = try KickTimer()
      #expect(!Self.isInterrupted(during: 0, 10), "not armed")
      for limit in [.seconds(1000), .seconds(Int64.max)] as [Duration] {
        try timer.arm(limit: limit)
        #expect(!Self.isInterrupted(during: 0, 10), "\(limit)")
      }
      try timer.arm(limit: .milliseconds(1))
      #expect(Self.isInterrupted(during: 30))
    }
    for _ in 0..<3 { #expect(!Self.isInterrupted(during: 0, 10), "its owner is gone") }
  }

  @Test("Two timers of one thread are two: the end of one leaves the other")
  func two() throws {
    let first = try KickTimer()
    try first.arm(limit: .milliseconds(1))
    do {
      let second = try KickTimer()
      try second.arm(limit: .milliseconds(1))
      second.disarm()
    }
    for _ in 0..<3 { #expect(Self.isInterrupted(during: 30)) }
    first.disarm()
    #expect(!Self.isInterrupted(during: 0, 10))
  }
}
