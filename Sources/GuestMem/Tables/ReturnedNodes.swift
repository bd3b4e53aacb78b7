// ReturnedNodes: many level-1 nodes on their way back to the allocator.

/// Level-1 nodes of pages that own nothing, which go back to the allocator all at once.
///
/// The allocator's stack of frames runs through their metadata already; its top stays here until
/// the allocator takes them back, so that it need not be stored for each of them.
@frozen @usableFromInline struct ReturnedNodes {
  @usableFromInline var top: UInt64
  @usableFromInline var count: UInt64 = 0
  @usableFromInline var pageCount: UInt64 = 0

  @inlinable
  init(to allocator: borrowing FrameAllocator) { top = allocator.stackTop }

  /// Adds a table that a near link led to, if it is a level-1 node; says whether.
  @inlinable @inline(__always)
  mutating func add(_ table: TableFrame, in metadata: FrameMetadataView) -> Bool {
    let state = metadata.nearNodeState(of: table)
    guard state.isNode(ofLevelNumber: 1) else { return false }
    metadata.setNearNode(NodeState(rawValue: top &<< 8), ownership: .unused, of: table)
    top = table.frame &+ 1
    count &+= 1
    pageCount &+= UInt64(truncatingIfNeeded: state.presentCount)
    return true
  }

  /// Hands the nodes over; nothing may have been allocated since this was made.
  @inlinable
  func goBack(to allocator: inout FrameAllocator, report: inout UnmapReport) {
    allocator.stackTop = top
    allocator.freeFrames &+= count
    report.add(pageCount, at: 1)
    report.freedTableCount &+= count
  }
}
