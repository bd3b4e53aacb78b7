// StableHash: digests and the order of a seed, the same on every machine and in every run.

/// FNV-1a, 64 bits, with a last mix so that all bits are worth the same.
struct StableHash {
  private var state: UInt64 = 0xcbf2_9ce4_8422_2325

  init(_ texts: String...) {
    for text in texts { add(text) }
  }

  mutating func add(_ text: String) {
    for byte in text.utf8 { add(byte) }
    // So that the ends of texts count.
    add(0xff)
  }

  private mutating func add(_ byte: UInt8) {
    state = (state ^ UInt64(byte)) &* 0x100_0000_01b3
  }

  var value: UInt64 {
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  /// Eight hexadecimal digits.
  var digest: String {
    let text = String(value >> 32, radix: 16)
    return String(repeating: "0", count: 8 - text.count) + text
  }
}
