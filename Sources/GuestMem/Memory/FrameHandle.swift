// FrameHandle: an owner of a frame, or of an aligned run of frames.

public import MMU

/// One of the owners of a run of 4 KiB frames; the frames become free when the last owner is gone.
///
/// A run is a page of 4 KiB, 2 MiB or 1 GiB; each of its frames counts this handle.
@frozen public struct FrameHandle: ~Copyable, Sendable {
  /// The number of the first frame.
  public let frame: UInt64
  /// The number of frames.
  public let frameCount: UInt64
  @usableFromInline let metadata: FrameMetadataView
  /// False once somebody else took the owner over.
  @usableFromInline var isOwner = true

  /// Takes over an owner that stands in the metadata already.
  @inlinable
  init(owned frame: UInt64, frameCount: UInt64, metadata: FrameMetadataView) {
    self.frame = frame
    self.frameCount = frameCount
    self.metadata = metadata
  }

  /// The guest-physical address of the first byte.
  @inlinable public var address: GuestPhysicalAddress {
    GuestPhysicalAddress(truncating: frame &<< 12)
  }

  /// Another owner of the same frames.
  ///
  /// - Throws: ``FrameStateError/tooManyOwners(frame:)``; no count has changed then.
  @inlinable
  public borrowing func share() throws(FrameStateError) -> FrameHandle {
    try FrameHandle(sharing: frame, frameCount: frameCount, metadata: metadata)
  }

  /// Adds an owner to frames that have some: the way from a bare address to a handle.
  ///
  /// - Throws: ``FrameStateError`` when one of the frames has no owners; no count has changed then.
  @inlinable
  public init(
    sharing frame: UInt64, frameCount: UInt64, metadata: FrameMetadataView
  ) throws(FrameStateError) {
    for index in 0..<frameCount {
      do throws(FrameStateError) {
        try metadata.addOwner(of: frame &+ index)
      } catch {
        // The frames before this one got an owner just now, so it is not their last one.
        for earlier in 0..<index { _ = try? metadata.removeOwner(of: frame &+ earlier) }
        throw error
      }
    }
    self.init(owned: frame, frameCount: frameCount, metadata: metadata)
  }

  /// Ends the handle and keeps its owner: somebody else, such as a leaf, is that owner now.
  @inlinable
  public consuming func intoRaw() -> UInt64 {
    isOwner = false
    return frame
  }

  @inlinable
  deinit {
    guard isOwner else { return }
    for index in 0..<frameCount { metadata.dropOwner(of: frame &+ index) }
  }
}

extension FrameMetadataView {
  /// Takes one owner of a frame away, and gives the frame back when that was the last.
  @inlinable
  func dropOwner(of frame: UInt64) {
    if let remaining = try? removeOwner(of: frame), remaining == .none { pushReturned(frame) }
  }
}

extension FrameMetadataView {
  /// The frames of a page, as far as there is metadata for them.
  @inlinable
  func frames(from first: UInt64, count: UInt64) -> Range<UInt64> {
    guard first < frameCount else { return 0..<0 }
    return first..<first &+ min(count, frameCount &- first)
  }

  /// Takes one owner of a page's frame away; says whether that was the last one.
  ///
  /// No page owns a node: a leaf that says so was forged, and the node stays.
  @inlinable
  func removePageOwner(of frame: UInt64) -> RemainingOwners {
    guard nodeState(of: frame).level == nil else { return .some }
    return (try? removeOwner(of: frame)) ?? .some
  }

  /// Takes one owner of each of a page's frames away, and gives back those that have no other.
  @inlinable
  func dropPageOwners(from first: UInt64, count: UInt64) {
    for frame in frames(from: first, count: count) where removePageOwner(of: frame) == .none {
      pushReturned(frame)
    }
  }
}

/// The only owner of a frame, which is mapped nowhere.
@frozen public struct UniqueFrame: ~Copyable, Sendable {
  /// The number of the frame.
  public let frame: UInt64
  @usableFromInline let metadata: FrameMetadataView
  /// False once somebody else took the owner over.
  @usableFromInline var isOwner = true

  @inlinable
  init(owned frame: UInt64, metadata: FrameMetadataView) {
    self.frame = frame
    self.metadata = metadata
  }

  /// Turns the only owner into the first of several.
  @inlinable
  public consuming func shared() -> FrameHandle {
    isOwner = false
    metadata.setOwnership(.shared(1), of: frame)
    return FrameHandle(owned: frame, frameCount: 1, metadata: metadata)
  }

  @inlinable
  deinit {
    guard isOwner else { return }
    metadata.dropOwner(of: frame)
  }
}
