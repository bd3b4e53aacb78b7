// MemoryRange: a part of the guest's RAM, and all of it as a list of such parts.

/// A contiguous range of guest-physical addresses with RAM behind them.
public struct MemoryRange: Hashable, Sendable {
  /// The first address; a multiple of 4 KiB.
  public var base: UInt64
  /// The number of bytes; a multiple of 4 KiB.
  public var byteCount: UInt64

  /// Takes the parts as they are; ``AddressSpace/check()`` finds what is wrong with them.
  public init(base: UInt64, byteCount: UInt64) {
    self.base = base
    self.byteCount = byteCount
  }

  /// The address behind the last byte; the largest number where there is none.
  public var end: UInt64 {
    let (end, overflow) = base.addingReportingOverflow(byteCount)
    return overflow ? .max : end
  }
}

extension [MemoryRange] {
  /// RAM from address 0 on and nowhere else, as a size alone says it.
  var isPlain: Bool { count == 1 && self[0].base == 0 }

  /// The address behind the last byte of all ranges.
  var end: UInt64 { reduce(0) { Swift.max($0, $1.end) } }

  /// The number of bytes of all ranges; the largest number where there are more.
  var byteCount: UInt64 {
    reduce(0) { sum, range in
      let (sum, overflow) = sum.addingReportingOverflow(range.byteCount)
      return overflow ? .max : sum
    }
  }

  /// The ranges by address, without empty ones; those that touch or overlap are one.
  var merged: [Range<UInt64>] {
    var result: [Range<UInt64>] = []
    for range in sorted(by: { $0.base < $1.base }) where range.byteCount > 0 {
      if let last = result.last, range.base <= last.upperBound {
        result[result.count - 1] = last.lowerBound..<Swift.max(last.upperBound, range.end)
      } else {
        result.append(range.base..<range.end)
      }
    }
    return result
  }

  /// The addresses below ``end`` without RAM.
  var holes: [Range<UInt64>] {
    var holes: [Range<UInt64>] = []
    var reached: UInt64 = 0
    for range in merged {
      if range.lowerBound > reached { holes.append(reached..<range.lowerBound) }
      reached = range.upperBound
    }
    return holes
  }
}
