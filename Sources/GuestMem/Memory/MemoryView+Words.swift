// MemoryView, many words at once: whole tables, while no processor walks them.

internal import Glibc
public import MMU

extension MemoryView {
  /// The `count` words from `address` on, or nil when some are outside or misaligned.
  public func readWords(at address: GuestPhysicalAddress, count: Int) -> [UInt64]? {
    guard let source = unsafe wordBytes(at: address, count: count) else { return nil }
    return unsafe [UInt64](unsafeUninitializedCapacity: count) { buffer, filled in
      // SAFETY: the source lies inside the window and the buffer has room for as many bytes.
      unsafe UnsafeMutableRawBufferPointer(buffer).copyMemory(from: UnsafeRawBufferPointer(source))
      filled = count
    }
  }

  /// Writes `words` from `address` on and says true, or says false when some would be outside.
  ///
  /// Not for words that a processor may be walking: it would lose bits that hardware sets.
  @discardableResult
  public func writeWords(_ words: ArraySlice<UInt64>, at address: GuestPhysicalAddress) -> Bool {
    guard let destination = unsafe wordBytes(at: address, count: words.count) else { return false }
    // SAFETY: the destination lies inside the window and the source is the slice itself.
    unsafe words.withUnsafeBytes { unsafe destination.copyMemory(from: $0) }
    return true
  }

  /// True when the `count` words at `address` are those at `place` of `other`; false when some are
  /// outside or misaligned.
  ///
  /// Not for words that a processor may be writing meanwhile.
  package func hasWords(
    at address: GuestPhysicalAddress, like other: MemoryView, at place: GuestPhysicalAddress,
    count: Int
  ) -> Bool {
    guard let words = unsafe wordBytes(at: address, count: count),
      let others = unsafe other.wordBytes(at: place, count: count)
    else { return false }
    guard let first = words.baseAddress, let second = others.baseAddress else { return true }
    // SAFETY: both ranges have `count` words and lie inside their windows.
    return unsafe memcmp(first, second, words.count) == 0
  }

  /// The bytes of `count` words, or nil when some are outside or misaligned.
  private func wordBytes(
    at address: GuestPhysicalAddress, count: Int
  ) -> UnsafeMutableRawBufferPointer? {
    guard address.rawValue & 7 == 0, count >= 0, count <= Int.max / 8,
      contains(address, byteCount: UInt64(count) * 8)
    else { return nil }
    // SAFETY: the range lies inside the window.
    return unsafe UnsafeMutableRawBufferPointer(
      start: baseAddress + Int(truncatingIfNeeded: address.rawValue), count: count * 8)
  }
}
