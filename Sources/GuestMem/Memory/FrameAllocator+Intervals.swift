// FrameAllocator, intervals: the sorted list of free runs.

extension FrameAllocator {
  /// The index of the first interval that ends after `frame`.
  func firstInterval(endingAfter frame: UInt64) -> Int {
    var low = 0
    var high = intervals.count
    while low < high {
      let middle = (low + high) / 2
      if intervals[middle].upperBound > frame { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// The interval that holds all of `frames`, or nil.
  func intervalIndex(containing frames: Range<UInt64>) -> Int? {
    let index = firstInterval(endingAfter: frames.lowerBound)
    guard index < intervals.count, intervals[index].lowerBound <= frames.lowerBound,
      intervals[index].upperBound >= frames.upperBound
    else { return nil }
    return index
  }

  /// Takes `frames` out of the interval that holds them.
  mutating func take(_ frames: Range<UInt64>, fromIntervalAt index: Int) {
    let interval = intervals[index]
    freeFrames -= frames.upperBound - frames.lowerBound
    let before = interval.lowerBound..<frames.lowerBound
    let after = frames.upperBound..<interval.upperBound
    switch (before.isEmpty, after.isEmpty) {
    case (true, true): intervals.remove(at: index)
    case (true, false): intervals[index] = after
    case (false, true): intervals[index] = before
    case (false, false):
      intervals[index] = before
      intervals.insert(after, at: index + 1)
    }
  }

  /// Adds `frames`, none of which is free, and joins what touches.
  mutating func insert(_ frames: Range<UInt64>) {
    freeFrames += frames.upperBound - frames.lowerBound
    let next = firstInterval(endingAfter: frames.lowerBound)
    let joinsNext = next < intervals.count && intervals[next].lowerBound == frames.upperBound
    let joinsPrevious = next > 0 && intervals[next - 1].upperBound == frames.lowerBound
    switch (joinsPrevious, joinsNext) {
    case (true, true):
      intervals[next - 1] = intervals[next - 1].lowerBound..<intervals[next].upperBound
      intervals.remove(at: next)
    case (true, false):
      intervals[next - 1] = intervals[next - 1].lowerBound..<frames.upperBound
    case (false, true):
      intervals[next] = frames.lowerBound..<intervals[next].upperBound
    case (false, false):
      intervals.insert(frames, at: next)
    }
  }
}
