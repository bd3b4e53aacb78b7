// MemoryView: a bounds-checked window on guest RAM, and the words in it.

public import CAtomics
public import MMU

/// A window on guest RAM that checks every address and keeps the memory there.
///
/// Words are little-endian, 8-byte aligned and read and written whole, because the processor that
/// walks the tables may change them at any moment.
@safe @frozen public struct MemoryView: PhysicalMemory, @unchecked Sendable {
  /// Where guest-physical address 0 is in this process.
  public let baseAddress: UnsafeMutableRawPointer
  /// The size of the window in bytes; a multiple of 4 KiB.
  public let byteCount: UInt64
  /// What keeps the range mapped; nil where the maker of the view promised that.
  @usableFromInline let owner: AnyObject?

  /// Takes a range of this process's memory as guest-physical memory from address 0 on.
  ///
  /// Safety: `byteCount` bytes at `baseAddress`, which is page-aligned, stay mapped for as long as
  /// `owner` lives, or without one for as long as the view is used.
  @unsafe @inlinable
  public init(
    baseAddress: UnsafeMutableRawPointer, byteCount: UInt64, keeping owner: AnyObject? = nil
  ) {
    unsafe self.baseAddress = baseAddress
    self.byteCount = byteCount & ~4095
    self.owner = owner
  }

  /// True when `count` bytes from `address` on lie inside the window.
  @inlinable
  public func contains(_ address: GuestPhysicalAddress, byteCount count: UInt64) -> Bool {
    count <= byteCount && address.rawValue <= byteCount &- count
  }

  /// The host address of a word, or nil when it is outside the window or misaligned.
  @inlinable
  func wordAddress(_ address: GuestPhysicalAddress) -> UnsafeMutableRawPointer? {
    guard address.rawValue & 7 == 0, address.rawValue < byteCount else { return nil }
    // SAFETY: an aligned offset below a multiple of 4096 has its 8 bytes inside the window.
    return unsafe baseAddress + Int(truncatingIfNeeded: address.rawValue)
  }

  /// The word at `address`, or nil when it is outside the window or misaligned.
  @inlinable
  public func loadWord(at address: GuestPhysicalAddress) -> UInt64? {
    guard let word = unsafe wordAddress(address) else { return nil }
    // SAFETY: `wordAddress` answers only for aligned words inside the window.
    return unsafe catomic_load_acquire(word)
  }

  /// Stores `value` and says true, or says false when `address` is outside or misaligned.
  ///
  /// Not for a word that a processor may be walking: it would lose a bit that hardware sets.
  @inlinable @discardableResult
  public func storeWord(_ value: UInt64, at address: GuestPhysicalAddress) -> Bool {
    guard let word = unsafe wordAddress(address) else { return false }
    // SAFETY: `wordAddress` answers only for aligned words inside the window.
    unsafe catomic_store_release(word, value)
    return true
  }

  /// Replaces a word and returns what stood there, or nil when it is outside or misaligned.
  @inlinable
  public func exchangeWord(_ value: UInt64, at address: GuestPhysicalAddress) -> UInt64? {
    guard let word = unsafe wordAddress(address) else { return nil }
    // SAFETY: `wordAddress` answers only for aligned words inside the window.
    return unsafe catomic_exchange(word, value)
  }

  /// Stores `desired` when the word equals `expected`, and returns what stood there before.
  ///
  /// - Returns: `expected` exactly when the word was replaced; nil outside or misaligned.
  @inlinable
  public func compareExchangeWord(
    expected: UInt64, desired: UInt64, at address: GuestPhysicalAddress
  ) -> UInt64? {
    guard let word = unsafe wordAddress(address) else { return nil }
    var found = expected
    // SAFETY: `wordAddress` answers only for aligned words inside the window.
    _ = unsafe catomic_compare_exchange(word, &found, desired)
    return found
  }

  /// Sets the bits of `bits` and returns the word before, or nil outside or misaligned.
  @inlinable @discardableResult
  public func orWord(_ bits: UInt64, at address: GuestPhysicalAddress) -> UInt64? {
    guard let word = unsafe wordAddress(address) else { return nil }
    // SAFETY: `wordAddress` answers only for aligned words inside the window.
    return unsafe catomic_fetch_or(word, bits)
  }

  /// Keeps only the bits of `bits` and returns the word before, or nil outside or misaligned.
  @inlinable @discardableResult
  public func andWord(_ bits: UInt64, at address: GuestPhysicalAddress) -> UInt64? {
    guard let word = unsafe wordAddress(address) else { return nil }
    // SAFETY: `wordAddress` answers only for aligned words inside the window.
    return unsafe catomic_fetch_and(word, bits)
  }
}
