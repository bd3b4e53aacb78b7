// FrameMetadataView: a bounds-checked window on the metadata of frames.

public import CAtomics

/// The metadata of the frames of guest memory, which stays there as long as a view of it.
///
/// Frames are named by number: the guest-physical address divided by 4096.
@safe @frozen public struct FrameMetadataView: @unchecked Sendable {
  @usableFromInline let baseAddress: UnsafeMutableRawPointer
  /// The number of frames.
  public let frameCount: UInt64
  /// What keeps the words mapped.
  @usableFromInline let owner: AnyObject

  @unsafe @inlinable
  init(baseAddress: UnsafeMutableRawPointer, frameCount: UInt64, keeping owner: AnyObject) {
    unsafe self.baseAddress = baseAddress
    self.frameCount = frameCount
    self.owner = owner
  }

  /// The same number, never 0, for all views of one allocator's metadata.
  @inlinable var identity: UInt { unsafe UInt(bitPattern: baseAddress) }

  /// True for two views of the same allocator's metadata.
  @inlinable
  package func isSame(as other: FrameMetadataView) -> Bool { identity == other.identity }

  @inlinable
  func ownershipAddress(_ frame: UInt64) -> UnsafeMutableRawPointer? {
    guard frame < frameCount else { return nil }
    // SAFETY: 16 bytes for each of `frameCount` frames stand at `baseAddress`.
    return unsafe baseAddress + Int(truncatingIfNeeded: frame &* 16)
  }

  @inlinable
  package func nodeAddress(_ frame: UInt64) -> UnsafeMutableRawPointer? {
    guard frame < frameCount else { return nil }
    // SAFETY: 16 bytes for each of `frameCount` frames stand at `baseAddress`.
    return unsafe baseAddress + Int(truncatingIfNeeded: frame &* 16 | 8)
  }

  /// Who owns `frame`; a frame outside memory is unused.
  @inlinable
  public func ownership(of frame: UInt64) -> FrameOwnership {
    guard let address = unsafe ownershipAddress(frame) else { return .unused }
    // SAFETY: the address is inside the metadata.
    return unsafe FrameOwnership(rawValue: catomic_load_acquire(address))
  }

  /// What is known about `frame` as a node; a frame outside memory is no node.
  @inlinable
  public func nodeState(of frame: UInt64) -> NodeState {
    guard let address = unsafe nodeAddress(frame) else { return NodeState(rawValue: 0) }
    // SAFETY: the address is inside the metadata.
    return unsafe NodeState(rawValue: catomic_load_acquire(address))
  }

  /// The same for a table that is known to have metadata.
  @inlinable @inline(__always)
  func nearNodeState(of table: TableFrame) -> NodeState {
    // SAFETY: the caller found the table by a near link, which leads to a frame with metadata.
    unsafe NodeState(
      rawValue: catomic_load_acquire(
        baseAddress + Int(truncatingIfNeeded: table.address &>> 8 &+ 8)))
  }

  /// Stores the state of such a table.
  @inlinable @inline(__always)
  func setNearNodeState(_ state: NodeState, of table: TableFrame) {
    // SAFETY: as for `nearNodeState`.
    unsafe catomic_store_release(
      baseAddress + Int(truncatingIfNeeded: table.address &>> 8 &+ 8), state.rawValue)
  }

  /// Stores both words of such a table, or of one whose frame the allocator gave out.
  @inlinable @inline(__always)
  func setNearNode(_ state: NodeState, ownership: FrameOwnership, of table: TableFrame) {
    // SAFETY: as for `nearNodeState`; the frames that the allocator gives out have metadata.
    unsafe catomic_store_release(
      baseAddress + Int(truncatingIfNeeded: table.address &>> 8), ownership.rawValue)
    setNearNodeState(state, of: table)
  }

  /// Stores the state of a node that this caller holds alone.
  @inlinable
  package func setNodeState(_ state: NodeState, of frame: UInt64) {
    guard let address = unsafe nodeAddress(frame) else { return }
    // SAFETY: the address is inside the metadata.
    unsafe catomic_store_release(address, state.rawValue)
  }

  /// Stores the ownership of a frame that this caller holds alone.
  @inlinable
  package func setOwnership(_ ownership: FrameOwnership, of frame: UInt64) {
    guard let address = unsafe ownershipAddress(frame) else { return }
    // SAFETY: the address is inside the metadata.
    unsafe catomic_store_release(address, ownership.rawValue)
  }
}
