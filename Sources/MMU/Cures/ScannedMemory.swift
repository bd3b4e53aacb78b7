// ScannedMemory: memory for a traversal that looks at every table once.

/// Memory whose tables are scanned in place of being loaded.
struct ScannedMemory: PhysicalMemory {
  private let load: (GuestPhysicalAddress) -> UInt64?
  private let has: (GuestPhysicalAddress) -> Bool
  private let scan: (GuestPhysicalAddress, inout [UInt64]) -> Void

  /// Shows `memory` to `body`, which looks at every table at most once, or may find another.
  static func with<Memory: PhysicalMemory & ~Copyable>(
    _ memory: borrowing Memory, _ body: (ScannedMemory) -> Void
  ) {
    with(
      loading: { memory.loadWord(at: $0) }, having: { memory.hasWord(at: $0) },
      scanning: { memory.scanTable(at: $0, into: &$1) }, body)
  }

  private static func with(
    loading load: (GuestPhysicalAddress) -> UInt64?,
    having has: (GuestPhysicalAddress) -> Bool,
    scanning scan: (GuestPhysicalAddress, inout [UInt64]) -> Void,
    _ body: (ScannedMemory) -> Void
  ) {
    withoutActuallyEscaping(load) { load in
      withoutActuallyEscaping(has) { has in
        withoutActuallyEscaping(scan) { scan in
          body(ScannedMemory(load: load, has: has, scan: scan))
        }
      }
    }
  }

  func loadWord(at address: GuestPhysicalAddress) -> UInt64? { load(address) }

  func loadTable(at address: GuestPhysicalAddress, into words: inout [UInt64]) {
    scan(address, &words)
  }

  func hasWord(at address: GuestPhysicalAddress) -> Bool { has(address) }
}
