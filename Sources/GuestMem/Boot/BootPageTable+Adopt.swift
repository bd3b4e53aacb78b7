// BootPageTable, adopt: begins with what the tables of somebody else say.

public import MMU

extension BootPageTable {
  /// Adopts the tables that `cr3` points at, and takes one frame for the copy of the root.
  ///
  /// Bits 11:0 and 63:52 of `cr3` do not take part. The frames of the tables must be reserved in
  /// the allocator or outside of what it gives out. Tables that are outside of memory and entries
  /// that the processor refuses are an error only where a change has to go through them. An entry
  /// of the root through which the adopted tables show themselves still shows those, and not the
  /// copies.
  ///
  /// - Throws: ``AdoptionError``; nothing has changed then.
  /// - Complexity: reads each adopted table above level 1 once for each level that it is used at.
  @inlinable
  public init(
    adopting cr3: UInt64, configuration: PagingConfiguration, memory: MemoryView,
    allocator: inout FrameAllocator
  ) throws(AdoptionError) {
    guard allocator.byteCount <= memory.byteCount else { throw .refused(.foreignAllocator) }
    let tables = TableMemory<NativePaging>(
      memory: memory, metadata: allocator.metadata, paging: configuration,
      rootTableLevel: configuration.rootLevel)
    guard let adopted = memory.table(linkedBy: cr3) else {
      throw .rootOutsideMemory(cr3 & EntryBits.address)
    }
    var survey = AdoptionSurvey(of: tables)
    try survey.visit(adopted, level: tables.rootLevel, position: 0, allocator: &allocator)
    do throws(PageTableError) {
      try tables.check(&allocator, has: 1)
      let root = try tables.copyTable(adopted, level: tables.rootLevel, allocator: &allocator)
      self.init(tables: tables, root: root, adoptedRoot: adopted)
    } catch {
      throw .refused(error)
    }
  }
}
