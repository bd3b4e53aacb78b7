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
  /// Complexity: proportional to the number of tables.
  public func neighbours<Memory: PhysicalMemory & ~Copyable>(
    of address: UInt64, in memory: borrowing Memory
  ) -> AddressNeighbours {
    var receiver = NeighbourReceiver(address: address)
    list(in: memory, shared: .once, to: &receiver)
    return receiver.neighbours
  }

  /// Linear addresses that lead to the byte at `physical`, at most `limit`, in their order.
  ///
  /// Complexity: proportional to the number of tables.
  public func linearAddresses<Memory: PhysicalMemory & ~Copyable>(
    of physical: UInt64, limit: Int, in memory: borrowing Memory
  ) -> [UInt64] {
    guard limit > 0 else { return [] }
    var receiver = FrameReceiver(physical: physical, limit: limit)
    list(in: memory, shared: .once, to: &receiver)
    return receiver.found
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

private struct FrameReceiver: ListingReceiver {
  let physical: UInt64
  let limit: Int
  var found: [UInt64] = []

  mutating func receive(_ item: ListedItem) -> ListingDecision {
    guard case .run(let run) = item, physical >= run.physicalAddress.rawValue,
      physical - run.physicalAddress.rawValue < run.byteCount
    else { return .goOn }
    found.append(run.linearAddress &+ (physical - run.physicalAddress.rawValue))
    return found.count < limit ? .goOn : .stop
  }
}
