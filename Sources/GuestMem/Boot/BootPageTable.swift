// BootPageTable: a root of its own, over tables that somebody else made or over none.

public import MMU

/// A page table for early boot, when a firmware or a boot loader has made tables already.
///
/// It maps pages and changes rights in an address space that begins empty or as a copy of the one
/// that runs. Adopted tables are never written: they may be in ROM, shared by several entries, or
/// in use. The root is copied at once, so that ``rootAddress`` stays the same, and any other
/// adopted table when something below it changes for the first time. A change shows at the linear
/// addresses that it names and at no other that goes through the same table.
///
/// The tables of its own are nodes of the allocator's metadata; adopted ones are not. Until the
/// last owner is gone (``dismiss(allocator:)``), nobody may free the frames of adopted tables, or
/// change what these say. The table keeps guest memory and the books of its
/// frames there. It is for one thread at a time.
///
/// Processors may run on the tables meanwhile. One that holds paging-structure caches may go on
/// using an adopted table after it was copied, and set A and D there instead of in the copy, until
/// an INVLPG or a load of CR3: flush after every operation and before its effect is relied upon.
/// Where an operation takes rights away, global pages need INVLPG, and every processor its own
/// flush. One that stays on the adopted root marks the adopted tables only.
///
/// Source: Intel SDM volume 3A, sections 5.10.3 (paging-structure caches) and 5.10.4
/// (invalidation).
@frozen public struct BootPageTable: ~Copyable {
  /// Where the tables stand and how they are read.
  @inlinable public var tableMemory: TableMemory<NativePaging> { tables }
  @usableFromInline var tables: TableMemory<NativePaging>
  /// The root, which is this table's own.
  public let root: TableFrame
  /// The root that was adopted, or nil for a table that began empty.
  public let adoptedRoot: TableFrame?

  /// Takes a frame for an empty root.
  ///
  /// - Throws: ``PageTableError/outOfFrames(needed:available:)``, and
  ///   ``PageTableError/foreignAllocator`` when the allocator is for more memory than there is.
  @inlinable
  public init(
    configuration: PagingConfiguration, memory: MemoryView, allocator: inout FrameAllocator
  ) throws(PageTableError) {
    let empty = try PageTable(configuration: configuration, memory: memory, allocator: &allocator)
    self.init(tables: empty.tables, root: empty.root, adoptedRoot: nil)
  }

  @inlinable
  init(tables: TableMemory<NativePaging>, root: TableFrame, adoptedRoot: TableFrame?) {
    self.tables = tables
    self.root = root
    self.adoptedRoot = adoptedRoot
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

/// Its tables are for one thread at a time.
@available(*, unavailable)
extension BootPageTable: @unchecked Sendable {}
