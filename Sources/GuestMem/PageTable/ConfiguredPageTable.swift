// ConfiguredPageTable: one root and everything below it, in guest memory.

public import MMU

/// A page table: tables of `Configuration`'s shape in guest memory, whose bytes are its only state.
///
/// Entries that lead to tables are writable and executable, so that the leaf alone decides; they
/// are user entries as soon as a user page is below, and supervisor entries until then, so that a
/// table without user pages cannot be entered from CPL 3 at all. Those that an ``Entry`` writes are
/// user entries at once, because it does not see the entries above; in ``EntryFormat/ostd`` all are.
///
/// Every operation checks everything, makes sure of the frames it needs, and only then writes: an
/// error leaves every byte as it was. The table keeps guest memory and the books of its frames
/// there. It is for one thread at a time, and not `Sendable`: no other value for the same tables
/// can reach another thread. An operation that takes rights away, removes pages or merges them does not reach into a processor's
/// translation caches: run no guest on the tables, or make it flush them, before the removed memory
/// is used for something else. The frames of tables that became empty are in the allocator again as
/// soon as the operation returns, so that the flush must come before the next allocation.
///
/// Source: Intel SDM volume 3A, section 5.10.4 (invalidation of TLBs and paging-structure caches).
@frozen
public struct ConfiguredPageTable<Configuration: PageTableConfiguration>: ~Copyable {
  /// Where the tables stand and how they are read.
  @inlinable public var tableMemory: TableMemory<Configuration> { tables }
  @usableFromInline var tables: TableMemory<Configuration>
  /// The table that CR3 points at.
  public let root: TableFrame

  /// Takes a frame for an empty root.
  ///
  /// - Throws: ``PageTableError/outOfFrames(needed:available:)``, and
  ///   ``PageTableError/foreignAllocator`` when the allocator is for more memory than there is.
  @inlinable
  public init(
    configuration: PagingConfiguration, memory: MemoryView, allocator: inout FrameAllocator
  ) throws(PageTableError) {
    try self.init(
      configuration: configuration, rootLevel: configuration.rootLevel, memory: memory,
      allocator: &allocator)
  }

  /// The same with a root at another level than the processor's, for formats that only tests walk.
  ///
  /// - Throws: as ``init(configuration:memory:allocator:)``.
  @inlinable
  public init(
    configuration: PagingConfiguration, rootLevel: Level, memory: MemoryView,
    allocator: inout FrameAllocator
  ) throws(PageTableError) {
    guard allocator.byteCount <= memory.byteCount else { throw .foreignAllocator }
    let tables = TableMemory<Configuration>(
      memory: memory, metadata: allocator.metadata, paging: configuration,
      rootTableLevel: rootLevel)
    try tables.check(&allocator, has: 1)
    guard
      let root = tables.newTable(level: tables.rootLevel, used: 0..<0, allocator: &allocator)
    else { throw .outOfFrames(needed: 1, available: 0) }
    self.tables = tables
    self.root = root
  }

  @inlinable
  init(tables: TableMemory<Configuration>, root: TableFrame) {
    self.tables = tables
    self.root = root
  }

  /// How the processor reads the tables.
  @inlinable public var paging: PagingConfiguration { tables.paging }

  /// Whether a processor may be walking the tables; live unless told otherwise.
  @inlinable public var liveness: TableLiveness {
    get { tables.liveness }
    set { tables.liveness = newValue }
  }

  /// What CR3 is loaded with: the guest-physical address of the root.
  @inlinable public var rootAddress: GuestPhysicalAddress {
    GuestPhysicalAddress(truncating: root.address)
  }
}

/// Another value for the same tables would work on them beside this one.
@available(*, unavailable)
extension ConfiguredPageTable: @unchecked Sendable {}

/// The page table of a guest: real x86-64 tables for the whole linear-address space.
public typealias PageTable = ConfiguredPageTable<NativePaging>
