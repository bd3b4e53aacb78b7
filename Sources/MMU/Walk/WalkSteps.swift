// WalkSteps: the entries that a walk read, from the root down.

/// The entries that a walk read, as a collection that allocates nothing.
@frozen public struct WalkSteps: RandomAccessCollection, Sendable {
  /// The walk whose entries these are.
  public let walk: Walk
  /// 0, the step at the root.
  @inlinable public var startIndex: Int { 0 }
  /// The number of steps.
  public let endIndex: Int

  /// The steps of `walk`.
  @inlinable
  public init(of walk: Walk) {
    self.walk = walk
    endIndex = walk.stepCount
  }

  /// The step at `position`; an entry of 0 at address 0 where the walk has none.
  @inlinable public subscript(position: Int) -> WalkStep {
    walk.step(position)
  }
}

extension Walk {
  /// The entries that were read, from the root down.
  @inlinable public var steps: WalkSteps { WalkSteps(of: self) }

  /// The entry that was read at place `position` below the root, 0 to ``stepCount`` - 1;
  /// an entry of 0 at address 0 for another position, where the walk did not come.
  @inlinable
  public func step(_ position: Int) -> WalkStep {
    guard position >= 0, position < stepCount else {
      return WalkStep(
        entry: PageTableEntry(0, at: .pageTable),
        entryAddress: GuestPhysicalAddress(truncating: 0))
    }
    return uncheckedStep(position)
  }

  /// The entry that was read at `level`, or nil when the walk did not come there.
  @inlinable
  public func step(at level: Level) -> WalkStep? {
    let position = Int(rootLevel.rawValue) &- Int(level.rawValue)
    return position >= 0 && position < stepCount ? uncheckedStep(position) : nil
  }

  /// The last entry that was read, or nil when none was.
  @inlinable public var lastStep: WalkStep? {
    stepCount == 0 ? nil : uncheckedStep(stepCount &- 1)
  }

  /// The step at `position`, which the caller has checked.
  @inlinable
  func uncheckedStep(_ position: Int) -> WalkStep {
    let level =
      Level(rawValue: rootLevel.rawValue &- UInt8(truncatingIfNeeded: position))
      ?? .pageTable
    let table =
      position == 0
      ? rootAddress.rawValue : descent.words[Int(level.rawValue)] & PageTableEntry.Bit.address
    let offset = (linearAddress &>> (level.indexShift &- 3)) & 0xff8
    return WalkStep(
      entry: PageTableEntry(descent.words[Int(level.rawValue) &- 1], at: level),
      entryAddress: GuestPhysicalAddress(truncating: table | offset))
  }
}
