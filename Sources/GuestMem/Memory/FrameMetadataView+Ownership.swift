// FrameMetadataView, transitions: unused, busy, unique, shared, and back.

public import CAtomics

extension FrameMetadataView {
  /// Replaces the ownership word while it equals `expected`; returns what stood there.
  @inlinable
  func compareExchangeOwnership(
    of frame: UInt64, _ expected: FrameOwnership, _ desired: FrameOwnership
  ) -> FrameOwnership {
    guard let address = unsafe ownershipAddress(frame) else { return .unused }
    var found = expected.rawValue
    // SAFETY: the address is inside the metadata.
    _ = unsafe catomic_compare_exchange(address, &found, desired.rawValue)
    return FrameOwnership(rawValue: found)
  }

  /// Why a frame in this state is not free to be claimed, or cannot be shared.
  @inlinable
  func obstacle(_ ownership: FrameOwnership, frame: UInt64) -> FrameStateError {
    switch ownership {
    case .unused: .unused(frame: frame)
    case .busy: .busy(frame: frame)
    case .unique: .unique(frame: frame)
    case .shared: .inUse(frame: frame, ownership)
    case .invalid(let word): .corrupt(frame: frame, word: word)
    }
  }

  /// Takes an unused frame, so that its metadata can be written: unused to busy.
  ///
  /// - Throws: ``FrameStateError`` with the state the frame is in.
  @inlinable
  func claim(_ frame: UInt64) throws(FrameStateError) {
    guard frame < frameCount else { throw .outOfRange(frame: frame) }
    let found = compareExchangeOwnership(of: frame, .unused, .busy)
    guard found == .unused else { throw obstacle(found, frame: frame) }
  }

  /// Adds an owner to a frame that has some: shared n to n + 1.
  ///
  /// - Throws: ``FrameStateError`` when the frame is in no state that can be shared.
  @inlinable
  public func addOwner(of frame: UInt64) throws(FrameStateError) {
    guard frame < frameCount else { throw .outOfRange(frame: frame) }
    var ownership = ownership(of: frame)
    while true {
      guard case .shared(let count) = ownership else { throw obstacle(ownership, frame: frame) }
      guard count < FrameOwnership.maximumOwnerCount else { throw .tooManyOwners(frame: frame) }
      let found = compareExchangeOwnership(of: frame, ownership, .shared(count &+ 1))
      if found == ownership { return }
      ownership = found
    }
  }

  /// Takes one owner away; says whether that was the last one, which leaves the frame busy.
  ///
  /// - Throws: ``FrameStateError`` when the frame has no owner that could go.
  @inlinable
  func removeOwner(of frame: UInt64) throws(FrameStateError) -> RemainingOwners {
    guard frame < frameCount else { throw .outOfRange(frame: frame) }
    var ownership = ownership(of: frame)
    while true {
      let next: FrameOwnership
      switch ownership {
      case .shared(1), .unique: next = .busy
      case .shared(let count): next = .shared(count &- 1)
      default: throw obstacle(ownership, frame: frame)
      }
      let found = compareExchangeOwnership(of: frame, ownership, next)
      if found == ownership { return next == .busy ? .none : .some }
      ownership = found
    }
  }
}

/// Whether anybody still owns a frame.
@frozen @usableFromInline enum RemainingOwners: Hashable, Sendable {
  /// The last owner is gone and the frame is busy: the caller makes it unused.
  case none
  /// Others own the frame.
  case some
}
