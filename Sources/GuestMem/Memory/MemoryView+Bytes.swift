// MemoryView, bytes: content that is not tables.

public import MMU

extension MemoryView {
  /// The `count` bytes from `address` on, or nil when some are outside.
  public func readBytes(at address: GuestPhysicalAddress, count: Int) -> [UInt8]? {
    guard count >= 0, contains(address, byteCount: UInt64(count)) else { return nil }
    // SAFETY: the range lies inside the window.
    let bytes = unsafe UnsafeRawBufferPointer(
      start: baseAddress + Int(truncatingIfNeeded: address.rawValue), count: count)
    return unsafe [UInt8](bytes)
  }

  /// Writes `bytes` from `address` on and says true, or says false when some would be outside.
  @discardableResult
  public func writeBytes(_ bytes: [UInt8], at address: GuestPhysicalAddress) -> Bool {
    guard contains(address, byteCount: UInt64(bytes.count)) else { return false }
    // SAFETY: the destination lies inside the window and the source is the array itself.
    unsafe bytes.withUnsafeBytes { source in
      let destination = unsafe UnsafeMutableRawBufferPointer(
        start: baseAddress + Int(truncatingIfNeeded: address.rawValue), count: source.count)
      unsafe destination.copyMemory(from: source)
    }
    return true
  }

  /// Fills `count` bytes from `address` on and says true, or says false when some are outside.
  @discardableResult
  public func fill(
    at address: GuestPhysicalAddress, byteCount count: UInt64, with byte: UInt8 = 0
  ) -> Bool {
    guard contains(address, byteCount: count) else { return false }
    // SAFETY: the range lies inside the window.
    let range = unsafe UnsafeMutableRawBufferPointer(
      start: baseAddress + Int(truncatingIfNeeded: address.rawValue),
      count: Int(truncatingIfNeeded: count))
    unsafe range.initializeMemory(as: UInt8.self, repeating: byte)
    return true
  }
}
