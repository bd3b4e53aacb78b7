// SeededGenerator: random numbers that a run can repeat.

/// SplitMix64: small, fast, and the same on every machine.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// The sequence of `seed`.
  public init(seed: UInt64) { state = seed }

  /// The next 64 bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
    return value ^ value >> 31
  }

  /// A number from 0 up to and without `bound`, which is positive.
  public mutating func below(_ bound: UInt64) -> UInt64 { next() % bound }

  /// A number below `bound`; 0 when there is none.
  public mutating func index(below bound: Int) -> Int {
    bound > 0 ? Int(truncatingIfNeeded: next() >> 1) % bound : 0
  }

  /// True once in `count` times.
  public mutating func once(in count: UInt64) -> Bool { below(count) == 0 }
}
