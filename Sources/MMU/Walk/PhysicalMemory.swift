// PhysicalMemory: where a walk finds the words of the tables.

/// Guest-physical memory that a walk reads.
public protocol PhysicalMemory: ~Copyable {
  /// The 8 bytes at `address`, lowest byte first, or nil when no memory is there.
  ///
  /// A walk asks for multiples of 8 only, and reads every entry once.
  func loadWord(at address: GuestPhysicalAddress) -> UInt64?
}
