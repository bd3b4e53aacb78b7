// DifferenceJoiner: differences of neighbouring ranges that are one difference.

/// Holds a difference back until it is known that the next one does not continue it.
struct DifferenceJoiner {
  private var pending: RangeDifference?

  /// Takes the next difference in the order of addresses.
  mutating func add(_ difference: RangeDifference, to result: inout RangeComparison) {
    if pending?.append(difference) == true { return }
    finish(&result)
    pending = difference
  }

  /// Hands over the last one.
  mutating func finish(_ result: inout RangeComparison) {
    if let pending { result.add(pending) }
    pending = nil
  }
}
