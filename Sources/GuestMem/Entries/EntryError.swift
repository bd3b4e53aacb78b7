// EntryError: why an operation on one entry was refused.

public import MMU

/// The reason an operation on an entry or a node was refused; nothing has changed then.
public enum EntryError: Error, Hashable, Sendable {
  /// The node has `count` entries.
  case indexOutOfRange(Int, count: Int)
  /// The address is not canonical for this number of levels.
  case notCanonical(UInt64)
  /// The root entry is in the half that this kind of table does not own.
  case notOwned(index: Int)
  /// A child of `found` level cannot stand in a node of `level`.
  case levelMismatch(level: Level, found: Level)
  /// No leaf may stand at the level.
  case leafUnsupported(level: Level)
  /// The physical address is not aligned to what the entry covers, or too wide.
  case invalidPhysicalAddress(UInt64, level: Level)
  /// The properties cannot be expressed.
  case invalidProperties(PageTableError)
  /// The software bit that tells owned pages is not the caller's.
  case reservedSoftwareBits(UInt16)
  /// A user page below an entry that is not a user entry could not be used.
  case supervisorTable(level: Level)
  /// Other roots share the table below a root entry, so the entry stays.
  case topLevelRemoval(index: Int)
  /// The word is nothing that this module writes.
  case invalidEntry(level: Level, index: Int, entry: UInt64)
  /// The pieces are not one contiguous page with the same properties; `index` differs first.
  case notUniform(level: Level, index: Int)
  /// The lock of the node at this address is held, or others wait for it.
  case busy(nodeAddress: UInt64, holder: LockHolder)
  /// The node was unlinked, which is for ever.
  case stray(nodeAddress: UInt64)
  /// No frame is free for a table.
  case outOfFrames
  /// The allocator keeps the books of other memory.
  case foreignAllocator

  /// The stable name of the case, the same in every output format.
  public var id: String {
    switch self {
    case .indexOutOfRange: "index-out-of-range"
    case .notCanonical: "not-canonical"
    case .notOwned: "not-owned"
    case .levelMismatch: "level-mismatch"
    case .leafUnsupported: "leaf-unsupported"
    case .invalidPhysicalAddress: "invalid-physical-address"
    case .invalidProperties(let error): error.id
    case .reservedSoftwareBits: "reserved-software-bits"
    case .supervisorTable: "supervisor-table"
    case .topLevelRemoval: "top-level-removal"
    case .invalidEntry: "invalid-entry"
    case .notUniform: "not-uniform"
    case .busy: "busy"
    case .stray: "stray"
    case .outOfFrames: "out-of-frames"
    case .foreignAllocator: "foreign-allocator"
    }
  }

  /// What happened, in lower case.
  public var message: String {
    switch self {
    case .indexOutOfRange(let index, let count): "a node of \(count) entries has no entry \(index)"
    case .notCanonical(let address): "linear address \(hexadecimal(address)) is not canonical"
    case .notOwned(let index): "root entry \(index) is not this table's"
    case .levelMismatch(let level, let found):
      "a child of level \(found.rawValue) cannot stand in a \(level.abbreviation)"
    case .leafUnsupported(let level): "a \(level.entryName) cannot be a leaf here"
    case .invalidPhysicalAddress(let address, let level):
      "a \(level.entryName) cannot map physical address \(hexadecimal(address))"
    case .invalidProperties(let error): error.message
    case .reservedSoftwareBits(let bits):
      "software bits \(hexadecimal(UInt64(bits))) tell whether a leaf owns its frames"
    case .supervisorTable(let level):
      "this \(level.abbreviation) is reached through a supervisor entry"
    case .topLevelRemoval(let index): "root entry \(index) is shared by other roots"
    case .invalidEntry(let level, let index, let entry):
      "entry \(index), \(level.entryName) \(hexadecimal(entry)), is no valid entry"
    case .notUniform(let level, let index):
      "entry \(index) of the \(level.abbreviation) does not continue entry 0"
    case .busy(let address, let holder): "the node at \(hexadecimal(address)) \(holder.words)"
    case .stray(let address): "the node at \(hexadecimal(address)) was unlinked"
    case .outOfFrames: "no frame is free for a table"
    case .foreignAllocator: "the allocator is not that of the table's memory"
    }
  }

  /// What to do about it.
  public var hint: String {
    switch self {
    case .indexOutOfRange: "use an index below the number of entries"
    case .notCanonical: "use an address whose upper bits repeat its top bit"
    case .notOwned: "use the table that owns this half of the space"
    case .levelMismatch: "put a table one level down, or a page of the entry's own size"
    case .leafUnsupported: "use smaller pages"
    case .invalidPhysicalAddress: "align the address to the size of the page"
    case .invalidProperties(let error): error.hint
    case .reservedSoftwareBits: "use the other software bits"
    case .supervisorTable: "make the entries above user entries first, or use a cursor"
    case .topLevelRemoval: "remove what is below the entry instead"
    case .invalidEntry: "find out who else writes to the tables"
    case .notUniform: "make all pieces the same first"
    case .busy(_, let holder): holder.hint
    case .stray: "start again from the root"
    case .outOfFrames: "give the guest more memory"
    case .foreignAllocator: "pass the allocator that the table was made with"
    }
  }
}
