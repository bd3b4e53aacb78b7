// Differences that repeat with a stride: entries whose addresses step by another size than theirs.

import MMU

/// How physical addresses step from entry to entry, where they do it otherwise than was asked for.
public struct RangeStride: Hashable, Sendable {
  /// The number of bytes of linear addresses in each step: what was asked for.
  public let linear: UInt64
  /// The number of bytes by which the physical addresses step; those that fall wrap around.
  public let physical: UInt64
  /// The number of steps and one more: of ranges that are one difference.
  public internal(set) var count: UInt64
}

extension RangeDifference {
  /// One difference of three that follow each other in steps of one size; nil where they do not.
  init?(stride first: RangeDifference, _ second: RangeDifference, _ third: RangeDifference) {
    guard first.stride == nil, first.mayStride(to: second), second.mayStride(to: third),
      let start = first.found?.physicalAddress, let next = second.found?.physicalAddress,
      let end = third.found?.physicalAddress, end &- next == next &- start
    else { return nil }
    self = first
    last = third.last
    leafCount = first.leafCount &+ second.leafCount &+ third.leafCount
    stride = RangeStride(linear: first.byteCount, physical: next &- start, count: 3)
  }

  /// The number of bytes but for a range of all addresses, which has none.
  private var byteCount: UInt64 { last &- first &+ 1 }

  /// True when `next` has the same size and differs in the physical address alone, as this one does.
  func mayStride(to next: RangeDifference) -> Bool {
    let physical = RangeProperties(.physicalAddress)
    guard stride == nil, kind == .different, next.kind == .different, properties == physical,
      next.properties == physical, isEveryPage, next.isEveryPage, last < .max,
      next.first == last + 1, next.byteCount == byteCount,
      asked?.mapping == next.asked?.mapping, let asked, let other = next.asked, let found,
      let there = next.found, let start = found.physicalAddress, let end = there.physicalAddress
    else { return false }
    return asked.part(other.first, other.last).content == other.content
      && found.moved(by: end &- start) == there
  }

  /// Takes in `next` when it is one step further.
  mutating func appendStep(_ next: RangeDifference) -> Bool {
    guard var stride, next.stride == nil, next.byteCount == stride.linear, last < .max,
      next.first == last + 1, kind == next.kind, properties == next.properties, next.isEveryPage,
      asked?.mapping == next.asked?.mapping, let asked, let other = next.asked,
      asked.part(other.first, other.last).content == other.content, let found,
      found.moved(by: stride.physical &* stride.count) == next.found
    else { return false }
    last = next.last
    leafCount &+= next.leafCount
    stride.count += 1
    self.stride = stride
    return true
  }

  /// How the physical addresses step, in words; nil where they follow each other.
  public var strideWords: String? {
    guard let stride else { return nil }
    let entry = found?.pageSize.map { "each \($0.level.entryName)" } ?? "each entry"
    let asked = "where \(ByteCount(stride.linear)) was asked"
    let (down, isNegative) = (0 &- stride.physical, stride.physical >> 63 != 0)
    if stride.physical == 0 { return "\(entry) leads to the same address \(asked)" }
    return isNegative
      ? "\(entry) steps back by \(ByteCount(down)) \(asked)"
      : "\(entry) steps by \(ByteCount(stride.physical)) \(asked)"
  }
}
