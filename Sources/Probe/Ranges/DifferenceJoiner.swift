// DifferenceJoiner: differences of neighbouring ranges that are one difference.

/// Holds differences back until it is known that the next one does not continue them.
///
/// Neighbours that differ in the same way are one difference. Three or more of one size, of which
/// each leads as much further than the one before, are one difference with a stride.
struct DifferenceJoiner {
  /// One difference, or two that may be the beginning of a stride.
  private var pending: [RangeDifference] = []

  /// Takes the next difference in the order of addresses.
  mutating func add(_ difference: RangeDifference, to result: inout RangeComparison) {
    if let last = pending.indices.last, pending[last].append(difference) { return }
    if pending.count == 2 {
      if let joined = RangeDifference(stride: pending[0], pending[1], difference) {
        pending = [joined]
        return
      }
      result.add(pending.removeFirst())
    }
    if let last = pending.last, !last.mayStride(to: difference) { finish(&result) }
    pending.append(difference)
  }

  /// Hands over the last ones.
  mutating func finish(_ result: inout RangeComparison) {
    for difference in pending { result.add(difference) }
    pending = []
  }
}
