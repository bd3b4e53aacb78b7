// MemoryOverlay: memory in which a few words are others than they are.

/// Memory with some words replaced: what would be there after a change, without making it.
public struct MemoryOverlay: PhysicalMemory {
  private let load: (GuestPhysicalAddress) -> UInt64?
  /// The words that differ, by their address.
  private let words: [UInt64: UInt64]

  /// Shows `memory` with `changes` made to it to `body`.
  public static func with<Memory: PhysicalMemory & ~Copyable, Result>(
    _ changes: [EntryChange], over memory: borrowing Memory,
    _ body: (MemoryOverlay) -> Result
  ) -> Result {
    with(changes, loading: { address in memory.loadWord(at: address) }, body)
  }

  private static func with<Result>(
    _ changes: [EntryChange], loading load: (GuestPhysicalAddress) -> UInt64?,
    _ body: (MemoryOverlay) -> Result
  ) -> Result {
    var words: [UInt64: UInt64] = [:]
    for change in changes { words[change.step.entryAddress.rawValue] = change.newValue }
    return withoutActuallyEscaping(load) { load in
      body(MemoryOverlay(load: load, words: words))
    }
  }

  /// The word at `address` after the changes.
  public func loadWord(at address: GuestPhysicalAddress) -> UInt64? {
    words.isEmpty ? load(address) : words[address.rawValue] ?? load(address)
  }
}
