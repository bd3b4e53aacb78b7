// EntryPlace: how a report names an entry and its bits.

extension WalkStep {
  /// The place of the entry in words, such as `the PDE at 0x3010 (level 2, index 2)`.
  public var place: String {
    "the \(level.entryName) at 0x\(String(entryAddress.rawValue, radix: 16)) "
      + "(level \(level.rawValue), index \(index))"
  }
}

/// Numbers and runs of the set bits of `mask` from the highest down, such as `bits 51:48, 40`.
func namedBits(_ mask: UInt64) -> String {
  var runs: [String] = []
  var rest = mask
  while rest != 0 {
    let high = 63 - rest.leadingZeroBitCount
    // The length of the run of ones that ends at `high`.
    let length = (~(rest &<< UInt64(63 - high))).leadingZeroBitCount
    let low = high - length + 1
    runs.append(length == 1 ? "\(high)" : "\(high):\(low)")
    rest &= (1 &<< UInt64(low)) &- 1
  }
  return (mask.nonzeroBitCount == 1 ? "bit " : "bits ") + runs.joined(separator: ", ")
}
