// FramePool: frames for tables, which any thread takes and gives back without a lock.

public import GuestMem
internal import MMU

/// Frames of guest memory for the tables of all address spaces that share the pool.
///
/// A frame that was never used is the next one of a run; one that came back lies on one of several
/// stacks, by the thread that returned it and by the level of the table: threads read what is known of
/// the tables on their way down, which stands four frames to a cache line, and that must not be a line
/// that others write to lock a table below. The stacks run through the metadata of their frames. The
/// upper bits of a stack's head count its changes, so that a head that comes back with the same
/// frame is told from one that never changed.
///
/// - Complexity: constant for each frame, plus one look at each stack when the run is used up.
public final class FramePool<Access: WordAccess>: Sendable {
  /// The memory in which the frames are.
  public let memory: MemoryView
  /// What is known about the frames.
  public let metadata: FrameMetadataView
  /// The frames that the pool was made of.
  public let frames: Range<UInt64>
  /// Whether a frame that comes back is filled with ``poison``.
  public let poisonsReturned: Bool
  /// The next frame of the run in line 0, and the head of a stack in each line from 1 on: first those for
  /// tables at level 1, then those for level 2, then those for higher levels.
  @usableFromInline let lines: WordLines
  @usableFromInline let stackCount: Int

  /// What a returned frame is filled with, if it is: no entry, for any level or format.
  ///
  /// Bits 51:0 are an address that no machine has, P and bit 1 are clear.
  @inlinable public static var poison: UInt64 { 0xdead_ffff_ffff_f0d0 }

  /// Takes `byteCount` bytes in one run out of an allocator.
  ///
  /// - Parameters:
  ///   - memory: The memory that the allocator keeps the books of.
  ///   - byteCount: The size in bytes, a multiple of 4 KiB.
  ///   - allocator: Where the frames come from; they go back by ``giveBack(to:)``.
  ///   - stackCount: The number of stacks for each of three kinds of table, 1 to 64: those at level 1,
  ///     at level 2, and above.
  ///   - poisonsReturned: Whether returned frames are filled, which costs a store for each word;
  ///     in debug builds unless told otherwise.
  /// - Throws: `FrameAllocationError` as `allocate(byteCount:alignment:)` of the allocator, and
  ///   `invalidRange` when the allocator is for more memory than there is.
  public init(
    memory: MemoryView, byteCount: UInt64, allocator: inout FrameAllocator, stackCount: Int = 16,
    poisonsReturned: Bool = isDebugBuild
  ) throws(FrameAllocationError) {
    guard allocator.byteCount <= memory.byteCount else {
      throw .invalidRange(start: 0, end: allocator.byteCount)
    }
    let start = try allocator.allocate(byteCount: byteCount)
    let first = start.rawValue / 4096
    self.memory = memory
    metadata = allocator.metadata
    frames = first..<first + byteCount / 4096
    self.poisonsReturned = poisonsReturned
    self.stackCount = max(1, min(stackCount, 64))
    lines = WordLines(count: 1 + 3 * self.stackCount)
    Access.store(lines.word(0), first)
  }

  /// The word that holds what is known about a frame as a node.
  @inlinable
  func stateWord(_ frame: UInt64) -> SharedWord? {
    guard let pointer = unsafe metadata.nodeAddress(frame) else { return nil }
    // SAFETY: the metadata stays as long as the pool keeps the view.
    return unsafe SharedWord(pointer)
  }

  @inlinable static var frameMask: UInt64 { 1 << 40 - 1 }

  /// Takes a frame whose bytes can be anything, or nil when none is free.
  @inlinable
  public func take() -> TableFrame? {
    let own = 1 + Int(Access.thread.rawValue) % stackCount
    if let table = takeOwn(own) { return table }
    for stack in 1...3 * stackCount where stack != own {
      if let frame = pop(lines.word(stack)) { return TableFrame(validated: frame << 12) }
    }
    return nil
  }

  /// Takes a frame for a table at `level`, or nil when the only ones that are free lie on other stacks.
  @inlinable
  func take(level: UInt64) -> TableFrame? {
    takeOwn(
      1 + Self.kind(ofLevel: level) * stackCount + Int(Access.thread.rawValue) % stackCount)
  }

  /// 0 for level 1, 1 for level 2, 2 above; 0 for 0, of a frame that was taken and not used.
  @inlinable
  static func kind(ofLevel level: UInt64) -> Int {
    Int(truncatingIfNeeded: min(level, 3)) - (level == 0 ? 0 : 1)
  }

  /// Takes a frame from a stack or from the run.
  @inlinable
  func takeOwn(_ stack: Int) -> TableFrame? {
    let head = lines.word(stack)
    guard let frame = pop(head) ?? takeFromRun(head) else { return nil }
    return TableFrame(validated: frame << 12)
  }

  /// Gives a frame back that nobody can reach any more.
  @inlinable
  public func give(_ table: TableFrame) {
    let frame = table.frame
    guard frames.contains(frame), let state = stateWord(frame) else { return }
    if poisonsReturned {
      memory.fillUnlinked(table, 0..<512, first: Self.poison, step: 0)
    }
    let level = NodeState(rawValue: Access.load(state)).levelNumber
    metadata.setOwnership(.unused, of: frame)
    push(
      frame, state,
      lines.word(
        1 + Self.kind(ofLevel: level) * stackCount + Int(Access.thread.rawValue) % stackCount))
  }

  @inlinable
  func push(_ frame: UInt64, _ state: SharedWord, _ head: SharedWord) {
    var top = Access.load(head)
    while true {
      Access.store(state, (top & Self.frameMask) << 8)
      let next = (top & ~Self.frameMask) &+ (1 << 40) | (frame + 1)
      if Access.compareExchange(head, &top, next) { return }
    }
  }

  @inlinable
  func pop(_ head: SharedWord) -> UInt64? {
    var top = Access.load(head)
    while top & Self.frameMask != 0 {
      let frame = top & Self.frameMask - 1
      guard let state = stateWord(frame) else { return nil }
      // Somebody may have taken the frame meanwhile: then the head has changed.
      let below = Access.load(state) >> 8 & Self.frameMask
      let next = (top & ~Self.frameMask) &+ (1 << 40) | below
      if Access.compareExchange(head, &top, next) { return frame }
    }
    return nil
  }

  /// Takes the next frames of the run: the first is the answer, the others go to the stack at `head`.
  ///
  /// As many as have their metadata in two cache lines, so that the locks of tables which different
  /// threads have made stand in different lines.
  @inlinable
  func takeFromRun(_ head: SharedWord) -> UInt64? {
    let word = lines.word(0)
    var next = Access.load(word)
    while next < frames.upperBound {
      let end = min((next | 7) + 1, frames.upperBound)
      guard Access.compareExchange(word, &next, end) else { continue }
      for frame in (next + 1..<end).reversed() {
        if let state = stateWord(frame) { push(frame, state, head) }
      }
      return next
    }
    return nil
  }

  /// The number of frames that can be taken.
  ///
  /// - Complexity: linear in that number. Other threads must not take or give meanwhile.
  public var freeFrameCount: UInt64 { UInt64(returnedFrames().count) + unusedFrameCount }

  private var unusedFrameCount: UInt64 {
    let next = Access.load(lines.word(0))
    return next < frames.upperBound ? frames.upperBound - next : 0
  }

  /// The frames on the stacks.
  private func returnedFrames() -> [UInt64] {
    var found: [UInt64] = []
    for stack in 1...3 * stackCount {
      var link = Access.load(lines.word(stack)) & Self.frameMask
      while link != 0, UInt64(found.count) < frames.upperBound - frames.lowerBound {
        found.append(link - 1)
        guard let state = stateWord(link - 1) else { break }
        link = Access.load(state) >> 8 & Self.frameMask
      }
    }
    return found
  }

  /// Gives all frames back to the allocator that they came from, when none is in use.
  ///
  /// Other threads must not use the pool meanwhile, and nobody can take a frame afterwards.
  ///
  /// - Throws: `inUse` of `FrameAllocationError` when some are not free, with the pool as it was.
  public func giveBack(to allocator: inout FrameAllocator) throws(FrameAllocationError) {
    let start = frames.lowerBound << 12
    let end = frames.upperBound << 12
    guard allocator.metadata.isSame(as: metadata) else {
      throw .invalidRange(start: start, end: end)
    }
    let returned = returnedFrames()
    guard UInt64(returned.count) + unusedFrameCount == frames.upperBound - frames.lowerBound else {
      throw .inUse(start: start, end: end)
    }
    for stack in 1...3 * stackCount { Access.store(lines.word(stack), 0) }
    Access.store(lines.word(0), frames.upperBound)
    for frame in returned { metadata.setNodeState(NodeState(rawValue: 0), of: frame) }
    try allocator.free(GuestPhysicalAddress(truncating: start), byteCount: end - start)
  }
}

/// True in debug builds.
public var isDebugBuild: Bool {
  var isDebug = false
  // The condition of an assertion is evaluated in debug builds only.
  assert(
    {
      isDebug = true
      return true
    }())
  return isDebug
}
