// FrameAllocator, handles: frames whose owners are counted.

public import MMU

extension FrameAllocator {
  /// Gives out a run for one page of that size, with one owner: the handle.
  ///
  /// - Throws: ``FrameAllocationError/outOfMemory(byteCount:alignment:freeByteCount:)``.
  /// - Complexity: linear in the number of 4 KiB frames of the page.
  public mutating func allocateFrame(
    of size: PageSize = .size4KiB
  ) throws(FrameAllocationError) -> FrameHandle {
    try allocateRun(frameCount: size.byteCount / 4096)
  }

  /// Gives out an aligned run of `frameCount` frames, a power of 2, with one owner.
  mutating func allocateRun(
    frameCount: UInt64
  ) throws(FrameAllocationError) -> FrameHandle {
    let address = try allocate(byteCount: frameCount * 4096, alignment: frameCount * 4096)
    let frame = address.rawValue / 4096
    noteCounted(frame)
    noteCounted(frame + frameCount - 1)
    for index in 0..<frameCount {
      metadata.setNodeState(NodeState(rawValue: 0), of: frame + index)
      metadata.setOwnership(.shared(1), of: frame + index)
    }
    return FrameHandle(owned: frame, frameCount: frameCount, metadata: metadata)
  }

  /// Gives out a frame with an owner that cannot share it yet.
  ///
  /// - Throws: ``FrameAllocationError/outOfMemory(byteCount:alignment:freeByteCount:)``.
  public mutating func allocateUniqueFrame() throws(FrameAllocationError) -> UniqueFrame {
    let frame = try allocate().rawValue / 4096
    noteCounted(frame)
    metadata.setOwnership(.unique, of: frame)
    return UniqueFrame(owned: frame, metadata: metadata)
  }

  /// Takes in the frames that handles gave back since the last time.
  @usableFromInline
  mutating func collectReturned() {
    var next = metadata.takeReturned()
    while next != 0 {
      let frame = next - 1
      next = metadata.nodeState(of: frame).rawValue >> 8
      metadata.setNodeState(NodeState(rawValue: stackTop << 8), of: frame)
      stackTop = frame + 1
      freeFrames += 1
    }
  }
}
