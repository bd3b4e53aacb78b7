// BuiltAddressSpace: an address space as bytes in guest memory.

public import GuestMem
public import MMU

/// Guest memory with the tables of an address space in it.
public struct BuiltAddressSpace: ~Copyable, Sendable {
  /// What was asked for.
  public let space: AddressSpace
  /// Guest RAM, each byte at its physical address; what lies between its ranges is never used.
  public let memory: GuestMemory
  /// What CR3 must hold.
  public let cr3: UInt64
  /// The paging configuration that the tables were written for.
  public let configuration: PagingConfiguration
  /// For each mapping, the physical address of its first byte; 0 where nothing is mapped.
  public let placements: [UInt64]
  /// How many tables were written, and how many leaves of each size.
  public let statistics: TableStatistics
  /// Where each table stands and what it is for; empty without a recursive slot, which shows them.
  public let tablePlaces: [PlacedTable]
  /// IA32_PAT while the tables are used: what the memory types of leaves mean.
  ///
  /// Whoever puts tables of another format in the place of those that were written says so here.
  public var pageAttributeTable: UInt64 = PageAttributeTable.standard

  /// Writes the tables of `space`.
  ///
  /// `configuration` is the machine's; where it lacks 1 GiB pages, mappings that leave the size
  /// open use none, and those that ask for them get them all the same.
  ///
  /// - Throws: ``AddressSpaceBuildError``; nothing is left behind.
  ///
  /// - Complexity: linear in the number of leaves.
  public init(
    _ space: AddressSpace, configuration: PagingConfiguration
  ) throws(AddressSpaceBuildError) {
    try self.init(space, configuration: configuration) { nil }
  }

  /// Writes the tables of `space` unless `reasonToStop`, which is asked again and again, has one.
  ///
  /// `beforeCheck` may change the tables below the root before they are checked, for tests.
  init(
    _ space: AddressSpace, configuration: PagingConfiguration,
    reasonToStop: () -> NotRunReason?,
    beforeCheck: (_ root: UInt64, MemoryView) -> Void = { _, _ in }
  ) throws(AddressSpaceBuildError) {
    let problems = space.check()
    guard problems.isEmpty else { throw .invalid(problems) }
    let memory: GuestMemory
    do throws(GuestMemoryError) {
      memory = try GuestMemory(byteCount: space.memory.end, backing: .memoryFile)
    } catch {
      throw .memory(error)
    }
    let writer = try TableWriter(
      space, configuration: configuration, memory: memory.view, beforeCheck, reasonToStop)
    self.space = space
    self.memory = memory
    self.configuration = configuration
    cr3 = writer.cr3
    placements = writer.placements
    statistics = writer.statistics
    tablePlaces = writer.tablePlaces
  }
}

extension BuiltAddressSpace {
  /// The probes that the address space asks for: every leaf as it stands now, and what is around.
  ///
  /// - Complexity: one walk per leaf.
  public borrowing func plan(_ extent: ProbeExtent = .reduced) -> ProbePlan {
    // A leaf that the machine lacks is a leaf all the same.
    var configuration = configuration
    configuration.supports1GiBPages = true
    return ProbePlan(
      space, recursion: askedRecursion, cr3: cr3, configuration: configuration,
      extent, in: physicalMemory)
  }

  /// Where the window on the guest's RAM is in its physical memory: each range at its own address, so
  /// that the holes between them are holes of the window; nil where there are none.
  var machineRanges: [MachineMemoryRange]? {
    space.memory.isPlain
      ? nil
      : space.memory.merged.map {
        MachineMemoryRange(
          physicalAddress: $0.lowerBound, byteCount: UInt64($0.count), offset: $0.lowerBound)
      }
  }

  /// The guest's physical memory, in which there is nothing in the holes.
  var physicalMemory: ProbeMemory {
    ProbeMemory(ram: memory.view, ranges: machineRanges, agent: nil, agentAddress: .max)
  }

  /// What the recursive slot should show, by what is asked for.
  var askedRecursion: AskedRecursion? {
    space.recursiveSlot.map {
      AskedRecursion(
        $0, in: space, placements: placements,
        largestPage: configuration.supports1GiBPages ? .size1GiB : .size2MiB,
        root: cr3 & PageTableEntry.Bit.address, places: tablePlaces)
    }
  }
}

/// The number of tables and leaves.
public struct TableStatistics: Hashable, Sendable {
  /// The number of tables, the root included.
  public var tableCount = 0
  /// The number of leaves by size.
  public var leafCounts: [PageSize: Int] = [:]

  /// The memory that the tables take, in bytes.
  public var tableByteCount: UInt64 { UInt64(tableCount) * 4096 }
}

extension TableStatistics {
  init(_ table: borrowing PageTable) {
    tableCount = Int(table.tableCount)
    for size in PageSize.allCases { leafCounts[size] = Int(table.leafCount(of: size)) }
  }
}

/// Writes an address space's tables.
private struct TableWriter {
  let cr3: UInt64
  let placements: [UInt64]
  let statistics: TableStatistics
  let tablePlaces: [PlacedTable]

  /// So many mappings are written between two looks at the clock.
  private static let mappingsPerLook = 64

  init(
    _ space: AddressSpace, configuration machine: PagingConfiguration, memory: MemoryView,
    _ beforeCheck: (UInt64, MemoryView) -> Void, _ reasonToStop: () -> NotRunReason?
  ) throws(AddressSpaceBuildError) {
    var allocator: FrameAllocator
    do throws(FrameAllocationError) {
      allocator = try FrameAllocator(byteCount: space.memory.end)
    } catch {
      throw .frames(mapping: 0, error)
    }
    do throws(FrameAllocationError) {
      for hole in space.memory.holes { try allocator.reserve(hole) }
    } catch {
      throw .frames(mapping: 0, error)
    }
    placements = try Self.place(space, in: &allocator)
    try Self.checkPageCount(of: space, at: placements, has1GiBPages: machine.supports1GiBPages)
    // A mapping of an exact size is written even for a machine that lacks the size.
    var configuration = machine
    configuration.supports1GiBPages = true
    var current: Int?
    var violation: ContractViolation?
    var stopped: NotRunReason?
    do throws(PageTableError) {
      var table = try PageTable(
        configuration: configuration, memory: memory, allocator: &allocator)
      for (index, mapping) in space.mappings.enumerated()
      where !mapping.properties.rights.isEmpty {
        if index % Self.mappingsPerLook == Self.mappingsPerLook - 1 {
          stopped = reasonToStop()
          if stopped != nil { break }
        }
        current = index
        try Self.map(
          mapping, to: placements[index], avoids1GiBPages: !machine.supports1GiBPages,
          in: &table, &allocator)
      }
      cr3 = table.rootAddress.rawValue
      current = nil
      var context = ContractContext()
      if let slot = space.recursiveSlot {
        tablePlaces = table.places
        try table.linkRoot(slot)
        context.recursiveSlot = slot
      } else {
        tablePlaces = []
      }
      statistics = stopped == nil ? TableStatistics(table) : TableStatistics()
      beforeCheck(cr3, memory)
      if stopped == nil {
        violation = table.contractViolations(allocator: allocator, context: context).first
      }
    } catch {
      throw .tables(mapping: current, error)
    }
    if let stopped { throw .unfinished(stopped) }
    if let violation { throw .brokenContract(violation) }
  }

  /// Refuses what would be more pages on this machine than one verification can probe.
  private static func checkPageCount(
    of space: AddressSpace, at placements: [UInt64], has1GiBPages: Bool
  ) throws(AddressSpaceBuildError) {
    var count: UInt64 = 0
    for (index, mapping) in space.mappings.enumerated()
    where !mapping.properties.rights.isEmpty {
      var leaf = mapping.largestLeaf(at: placements[index])
      if leaf == .size1GiB && mapping.pageSize == .largest && !has1GiBPages { leaf = .size2MiB }
      // At most 2^45 per mapping, and the ranges do not overlap.
      count += mapping.byteCount / leaf.byteCount
      if count > AddressSpace.pageLimit {
        throw .invalid([.tooManyPages(mapping: index, limit: AddressSpace.pageLimit)])
      }
    }
  }

  /// Reserves what has an address and finds room for the rest, largest alignment first.
  ///
  /// Tables lie in memory that nothing maps at a given address; where that is too little, as under a
  /// map of all RAM, they lie in the last frames of what is mapped.
  private static func place(
    _ space: AddressSpace, in allocator: inout FrameAllocator
  ) throws(AddressSpaceBuildError) -> [UInt64] {
    var placements = [UInt64](repeating: 0, count: space.mappings.count)
    var fixed: [Range<UInt64>] = []
    var open: [(index: Int, alignment: UInt64)] = []
    for (index, mapping) in space.mappings.enumerated()
    where !mapping.properties.rights.isEmpty {
      switch mapping.target {
      case .memory(let address):
        placements[index] = address.rawValue
        fixed.append(address.rawValue..<address.rawValue + mapping.byteCount)
      case .device(let address): placements[index] = address.rawValue
      case .anywhere: open.append((index, alignment(of: mapping)))
      }
    }
    let mapped = merged(fixed)
    for range in mapped {
      do throws(FrameAllocationError) {
        try allocator.reserve(range)
      } catch {
        throw .frames(mapping: 0, error)
      }
    }
    open.sort { ($1.alignment, $0.index) < ($0.alignment, $1.index) }
    for (index, alignment) in open {
      placements[index] = try allocate(
        for: space.mappings[index], at: index, alignment: alignment, &allocator)
    }
    do throws(FrameAllocationError) {
      try makeRoom(for: space.largestTableCount(at: placements), in: mapped, &allocator)
    } catch {
      throw .frames(mapping: 0, error)
    }
    return placements
  }

  /// Gives the last frames of mapped memory back, until tables have room.
  private static func makeRoom(
    for tableCount: UInt64, in mapped: [Range<UInt64>], _ allocator: inout FrameAllocator
  ) throws(FrameAllocationError) {
    for range in mapped.reversed() {
      let missing = tableCount &* 4096
      guard allocator.freeByteCount < missing else { return }
      let byteCount = min(missing - allocator.freeByteCount, UInt64(range.count))
      try allocator.free(
        GuestPhysicalAddress(truncating: range.upperBound - byteCount), byteCount: byteCount)
    }
  }

  /// The alignment that lets a mapping use the largest pages it may use.
  private static func alignment(of mapping: Mapping) -> UInt64 {
    if case .exactly(let size) = mapping.pageSize { return size.byteCount }
    let address = mapping.linearAddress.rawValue
    let size = PageSize.allCases.last {
      $0.byteCount <= mapping.byteCount && address.isMultiple(of: $0.byteCount)
    }
    return (size ?? .size4KiB).byteCount
  }

  /// Memory of the given alignment, or of a smaller one where the size of page is open.
  private static func allocate(
    for mapping: Mapping, at index: Int, alignment: UInt64, _ allocator: inout FrameAllocator
  ) throws(AddressSpaceBuildError) -> UInt64 {
    do throws(FrameAllocationError) {
      if mapping.pageSize == .largest {
        for size in PageSize.allCases.reversed()
        where size.byteCount <= alignment && size != .size4KiB {
          if let address = try? allocator.allocate(
            byteCount: mapping.byteCount, alignment: size.byteCount)
          {
            return address.rawValue
          }
        }
        return try allocator.allocate(byteCount: mapping.byteCount, alignment: 4096).rawValue
      }
      return try allocator.allocate(byteCount: mapping.byteCount, alignment: alignment).rawValue
    } catch {
      throw .frames(mapping: index, error)
    }
  }

  /// The ranges without their overlaps, which aliases make.
  private static func merged(_ ranges: [Range<UInt64>]) -> [Range<UInt64>] {
    var result: [Range<UInt64>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = result.last, range.lowerBound <= last.upperBound {
        result[result.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
      } else {
        result.append(range)
      }
    }
    return result
  }

  private static func map(
    _ mapping: Mapping, to physical: UInt64, avoids1GiBPages: Bool, in table: inout PageTable,
    _ allocator: inout FrameAllocator
  ) throws(PageTableError) {
    // Pieces of half a GiB leave no room for a leaf of 1 GiB.
    let piece: UInt64 =
      avoids1GiBPages && mapping.pageSize == .largest ? 1 << 29 : mapping.byteCount
    var offset: UInt64 = 0
    while offset < mapping.byteCount {
      let start = mapping.linearAddress.rawValue + offset
      let byteCount = min(piece - start % piece, mapping.byteCount - offset)
      let count = piece == mapping.byteCount ? mapping.byteCount : byteCount
      try table.map(
        LinearAddress(truncating: start, width: table.paging.linearAddressWidth),
        byteCount: count, to: GuestPhysicalAddress(truncating: physical + offset),
        properties: mapping.properties, pageSizes: mapping.pageSize, allocator: &allocator)
      offset += count
    }
  }
}
