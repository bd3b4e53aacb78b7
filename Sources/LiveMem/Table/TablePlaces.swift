// TablePlaces: where the words of tables, of their locks and of pins stand.

public import GuestMem
public import MMU

/// The places of a shared page table's words, and what is decided without them, without a reference to
/// count.
///
/// A plain value, as ``PinLines`` is: what keeps the memory there is the table. Every operation goes
/// through it, so that threads whose ranges have nothing in common write no line in common.
@safe @frozen @usableFromInline
struct TablePlaces<Configuration: SharedPageTableConfiguration>: TableRules, @unchecked Sendable {
  @usableFromInline typealias Access = Configuration.Access

  /// Where guest-physical address 0 is in this process.
  @usableFromInline let memory: UnsafeMutableRawPointer
  /// The size of the memory in bytes.
  @usableFromInline let byteCount: UInt64
  /// The node word of frame 0; those of the others follow, 16 bytes apart.
  @usableFromInline let nodes: UnsafeMutableRawPointer
  /// The number of frames that have one.
  @usableFromInline let frameCount: UInt64
  @usableFromInline let root: TableFrame
  @usableFromInline package let paging: PagingConfiguration
  @usableFromInline package let rootTableLevel: Level
  @usableFromInline let pins: PinLines<Access>
  /// The payloads that marks may have.
  @usableFromInline let markLimits: MarkLimits
  /// The word with a bit for each processor that uses the table.
  @usableFromInline let processors: SharedWord
  /// Whether tables that become empty are unlinked.
  @usableFromInline let unlinksTables: Bool

  /// The places of `tables`, whose root has metadata.
  @usableFromInline
  init(
    _ tables: TableMemory<Configuration>, root: TableFrame, pins: PinLines<Access>,
    marks: MarkLimits, processors: SharedWord, unlinksTables: Bool
  ) {
    unsafe memory = tables.memory.baseAddress
    byteCount = tables.memory.byteCount
    // Without metadata there are no frames, so that the memory is never taken for it.
    unsafe nodes = tables.metadata.nodeAddress(0) ?? tables.memory.baseAddress
    frameCount = tables.metadata.frameCount
    self.root = root
    paging = tables.paging
    rootTableLevel = tables.rootTableLevel
    self.pins = pins
    markLimits = marks
    self.processors = processors
    self.unlinksTables = unlinksTables
  }

  /// The place of an entry.
  @inlinable @inline(__always)
  func word(_ table: TableFrame, _ index: Int) -> SharedWord {
    // SAFETY: a table lies inside the memory, and 512 words fill it.
    unsafe SharedWord(memory + (Int(truncatingIfNeeded: table.address) | (index & 511) &<< 3))
  }

  /// The entry `index` of a table.
  @inlinable @inline(__always)
  func load(_ table: TableFrame, _ index: Int) -> UInt64 { Access.load(word(table, index)) }

  /// The word that holds lock, stray mark, level and number of present entries of a table.
  @inlinable @inline(__always)
  func stateWord(_ table: TableFrame) -> SharedWord? {
    guard table.frame < frameCount else { return nil }
    // SAFETY: the frame has a node word.
    return unsafe SharedWord(nodes + Int(truncatingIfNeeded: table.frame &<< 4))
  }

  /// The table that `entry`, found at `level`, leads to; nil when the entry is something else, or
  /// leads to a frame that is no table of the next level.
  @inlinable @inline(__always)
  func child(of entry: UInt64, level: UInt64) -> TableFrame? {
    guard level > 1,
      case .table = EntryClass(entry, level: level, in: Configuration.entryFormat)
    else { return nil }
    let address = entry & EntryBits.address
    guard address < byteCount else { return nil }
    let child = TableFrame(validated: address)
    guard let state = stateWord(child),
      NodeState(rawValue: Access.load(state)).isNode(ofLevelNumber: level &- 1)
    else { return nil }
    return child
  }

  /// The memory, for what is done to tables that nothing links.
  @inlinable var view: MemoryView {
    // SAFETY: the memory stays as long as the table, which the user of this value keeps.
    unsafe MemoryView(baseAddress: memory, byteCount: byteCount)
  }

  /// Says what a frame is that this thread has taken and nothing links.
  @inlinable
  func makeNode(_ state: NodeState, _ table: TableFrame) {
    guard let word = stateWord(table) else { return }
    // SAFETY: the word before the node word is the frame's owner.
    let owner = unsafe SharedWord(word.pointer - 8)
    Access.store(owner, FrameOwnership.shared(1).rawValue)
    Access.store(word, state.rawValue)
  }

  /// What an error says about an entry that nobody here wrote.
  @inlinable
  func invalid(_ entry: UInt64, _ position: UInt64, _ level: UInt64) -> PageTableError {
    .invalidEntry(linearAddress: address(position), level: levelNumbered(level), entry: entry)
  }
}
