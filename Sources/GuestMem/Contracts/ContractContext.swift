// ContractContext: what the checker must be told because no memory says it.

/// Who refers to frames besides the entries: handles, processors, cursors.
public struct ContractContext: Sendable {
  /// The number of handles of each frame: nodes and data, each root's own included.
  public var handles: [UInt64: UInt64]
  /// The frames of nodes that cursors and guards have locked.
  public var lockedFrames: Set<UInt64>
  /// Present entries that an open cursor has not counted yet, by the frame of their node.
  public var uncounted: [UInt64: Int] = [:]
  /// The root whose half other roots share, and whether it is a kernel root with anchors.
  public var sharedRoot: TableFrame?
  /// The root entry that leads to the root; without it none may.
  public var recursiveSlot: RecursiveSlot?
  /// Whether entries may lead to tables that are no nodes, because a boot table adopted them.
  public var adoptedTables: AdoptedTables = .none
  /// Whether nodes that no root reaches are leaks, and owners beyond the known ones errors.
  public var completeness: Completeness

  /// Whether the roots that are checked are all there are.
  public enum Completeness: Hashable, Sendable {
    /// Every node of the allocator is reached from these roots or owned by a handle.
    case everyRoot
    /// Others may have tables and handles too, so that nodes which are not reached and owners which
    /// are not known are no errors. Only for who cannot know them all.
    case someRoots
  }

  /// Whether some tables are adopted.
  public enum AdoptedTables: Hashable, Sendable {
    /// Every table is a node, and every word one that this module writes.
    case none
    /// Nodes hold copies of words that others wrote: what present ones say is not judged, and those
    /// that lead to no node are not followed.
    case linked
  }

  /// Nothing but the roots themselves refers to frames, unless said otherwise.
  public init(
    handles: [UInt64: UInt64] = [:], lockedFrames: Set<UInt64> = [],
    sharedRoot: TableFrame? = nil, completeness: Completeness = .everyRoot
  ) {
    self.handles = handles
    self.lockedFrames = lockedFrames
    self.sharedRoot = sharedRoot
    self.completeness = completeness
  }
}
