// FrameAllocator, nodes: the short way for the frames of page tables.

extension FrameAllocator {
  /// A range with every frame that was ever given out with an owner in the metadata.
  public var countedFrames: Range<UInt64> {
    lowestCounted < countedEnd ? lowestCounted..<countedEnd : 0..<0
  }

  /// Takes one frame for a node: from the stack, else the lowest free one.
  ///
  /// The second part of the answer says whether its bytes are known to be 0.
  @inlinable @inline(__always)
  mutating func takeNodeFrame() -> (frame: UInt64, content: FreeMemoryContent)? {
    if stackTop != 0 {
      let frame = stackTop &- 1
      stackTop = metadata.nodeState(of: frame).rawValue &>> 8
      metadata.setNodeState(NodeState(rawValue: 0), of: frame)
      freeFrames &-= 1
      return (frame, .unknown)
    }
    guard runStart < runEnd || takeUpRun() else { return nil }
    let frame = runStart
    runStart = frame &+ 1
    freeFrames &-= 1
    noteCounted(frame)
    guard frame >= untouchedFrom else { return (frame, .unknown) }
    untouchedFrom = frame &+ 1
    return (frame, .zero)
  }

  /// Makes the lowest interval the run; says whether there is one.
  @usableFromInline
  mutating func takeUpRun() -> Bool {
    guard let lowest = intervals.first else { return false }
    intervals.removeFirst()
    runStart = lowest.lowerBound
    runEnd = lowest.upperBound
    return true
  }

  /// Widens the range of frames that have owners.
  @inlinable @inline(__always)
  mutating func noteCounted(_ frame: UInt64) {
    if frame < lowestCounted { lowestCounted = frame }
    if frame >= countedEnd { countedEnd = frame &+ 1 }
  }

  /// Takes back a frame that `takeNodeFrame` gave out.
  @inlinable
  mutating func returnNodeFrame(_ frame: UInt64) {
    metadata.setOwnership(.unused, of: frame)
    // The stack runs through the metadata of its frames: bits 63:8 hold the frame below, plus 1.
    metadata.setNodeState(NodeState(rawValue: stackTop &<< 8), of: frame)
    stackTop = frame &+ 1
    freeFrames &+= 1
  }

  /// Moves the frames of the stack and of the run back into the intervals.
  mutating func drainStack() {
    collectReturned()
    if runStart < runEnd {
      freeFrames -= runEnd - runStart
      insert(runStart..<runEnd)
      runEnd = runStart
    }
    guard stackTop != 0 else { return }
    var frames: [UInt64] = []
    while stackTop != 0 {
      let frame = stackTop - 1
      stackTop = metadata.nodeState(of: frame).rawValue >> 8
      metadata.setNodeState(NodeState(rawValue: 0), of: frame)
      frames.append(frame)
    }
    frames.sort()
    freeFrames -= UInt64(frames.count)
    var run: Range<UInt64>?
    for frame in frames {
      if let current = run, current.upperBound == frame {
        run = current.lowerBound..<frame + 1
      } else {
        if let current = run { insert(current) }
        run = frame..<frame + 1
      }
    }
    if let current = run { insert(current) }
  }
}
