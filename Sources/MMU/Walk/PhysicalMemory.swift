// PhysicalMemory: where a walk finds the words of the tables.

/// Guest-physical memory that a walk reads.
public protocol PhysicalMemory: ~Copyable {
  /// The 8 bytes at `address`, lowest byte first, or nil when no memory is there.
  ///
  /// A walk asks for multiples of 8 only, and reads every entry once.
  func loadWord(at address: GuestPhysicalAddress) -> UInt64?

  /// Puts the 512 words of the table at `address` into `words`, 0 where no memory is.
  ///
  /// `words` has 512 elements before and afterwards. What is not implemented asks for one word after
  /// the other.
  func loadTable(at address: GuestPhysicalAddress, into words: inout [UInt64])

  /// True when there is a word at `address`: where a link leads, which needs not be read for that.
  ///
  /// What is not implemented asks for the word.
  func hasWord(at address: GuestPhysicalAddress) -> Bool

  /// As ``loadTable(at:into:)``, for whoever looks at the words once.
  ///
  /// Memory that is read from a file need not keep them then: another call may find other words where
  /// somebody writes the file meanwhile. What is not implemented loads the table.
  func scanTable(at address: GuestPhysicalAddress, into words: inout [UInt64])
}

extension PhysicalMemory where Self: ~Copyable {
  /// Asks for one word after the other.
  @inlinable
  public func loadTable(at address: GuestPhysicalAddress, into words: inout [UInt64]) {
    for index in words.indices {
      let place = GuestPhysicalAddress(truncating: address.rawValue &+ UInt64(index) &* 8)
      words[index] = loadWord(at: place) ?? 0
    }
  }

  /// Asks for the word.
  @inlinable
  public func hasWord(at address: GuestPhysicalAddress) -> Bool { loadWord(at: address) != nil }

  /// Loads the table.
  @inlinable
  public func scanTable(at address: GuestPhysicalAddress, into words: inout [UInt64]) {
    loadTable(at: address, into: &words)
  }
}
