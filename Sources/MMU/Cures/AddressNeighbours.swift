// AddressNeighbours: what is mapped beside an address, and where a frame is mapped elsewhere.

/// The runs of pages below and above an address that is not mapped.
public struct AddressNeighbours: Hashable, Sendable {
  /// The run that ends nearest below.
  public internal(set) var below: MappedRun?
  /// The run that begins nearest above.
  public internal(set) var above: MappedRun?
}

extension PageTables {
  /// What is mapped nearest to `address`, below and above it in the same half.
  ///
  /// - Complexity: proportional to the number of tables.
  public func neighbours<Memory: PhysicalMemory & ~Copyable>(
    of address: UInt64, in memory: borrowing Memory
  ) -> AddressNeighbours {
    var receiver = NeighbourReceiver(address: address)
    ScannedMemory.with(memory) { list(in: $0, shared: .once, to: &receiver) }
    return receiver.neighbours
  }

  /// Linear addresses that lead to the byte at `physical`, at most `limit`, in their order.
  ///
  /// - Complexity: proportional to the number of tables.
  public func linearAddresses<Memory: PhysicalMemory & ~Copyable>(
    of physical: UInt64, limit: Int, in memory: borrowing Memory
  ) -> [UInt64] {
    guard limit > 0 else { return [] }
    var finder = FrameFinder(physical: physical, limit: limit)
    ScannedMemory.with(memory) { traverse(in: $0, &finder) }
    return finder.found
  }

  /// The address behind the highest page that a leaf maps, words of nothing but ones left out.
  ///
  /// - Complexity: proportional to the number of tables.
  func highestPageEnd<Memory: PhysicalMemory & ~Copyable>(in memory: borrowing Memory) -> UInt64 {
    var finder = HighestPageFinder()
    ScannedMemory.with(memory) { traverse(in: $0, &finder) }
    return finder.end
  }
}

private struct NeighbourReceiver: ListingReceiver {
  let address: UInt64
  var neighbours = AddressNeighbours()

  mutating func receive(_ item: ListedItem) -> ListingDecision {
    guard case .run(let run) = item, run.linearAddress >> 63 == address >> 63 else { return .goOn }
    if run.linearAddress > address {
      neighbours.above = run
      return .stop
    }
    neighbours.below = run
    return .goOn
  }
}

private struct FrameFinder: TableVisitor {
  let physical: UInt64
  let limit: Int
  var found: [UInt64] = []
  private var seen: Set<TableKey> = []

  init(physical: UInt64, limit: Int) {
    self.physical = physical
    self.limit = limit
  }

  mutating func visit(_ table: TableVisit) -> TraversalDecision {
    if found.count >= limit { return .stop }
    return seen.insert(table.key).inserted ? .enter : .skip
  }

  mutating func visit(_ entry: EntryVisit, in table: TableVisit) -> TraversalDecision {
    guard case .page(let size) = entry.kind,
      entry.entry.pageAddress.rawValue == physical & ~(size.byteCount - 1)
    else { return .enter }
    found.append(entry.linearAddress | physical & (size.byteCount - 1))
    return found.count < limit ? .enter : .stop
  }
}

private struct HighestPageFinder: TableVisitor {
  var end: UInt64 = 0
  private var seen: Set<UInt64> = []

  mutating func visit(_ table: TableVisit) -> TraversalDecision {
    seen.insert(table.address.rawValue | UInt64(table.level.rawValue)).inserted ? .enter : .skip
  }

  mutating func visit(_ entry: EntryVisit, in table: TableVisit) -> TraversalDecision {
    if case .page(let size) = entry.kind, entry.entry.rawValue != ~0 {
      end = max(end, entry.entry.pageAddress.rawValue &+ size.byteCount)
    }
    return .enter
  }
}
