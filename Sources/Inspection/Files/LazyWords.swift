// LazyWords: many words, of which few are ever written.

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// Words that are all 0 at first and take memory only where they are written.
@safe struct LazyWords: ~Copyable, @unchecked Sendable {
  /// The address of the first word.
  let address: UnsafeMutableRawPointer
  private let byteCount: Int

  /// Maps `count` words for a source of so many bytes.
  ///
  /// - Throws: ``MemoryImageError/tooLarge(byteCount:errorNumber:)`` when the host refuses so many.
  init(count: UInt64, ofSource sourceByteCount: UInt64) throws(MemoryImageError) {
    let range = unsafe try Self.map(count, sourceByteCount)
    unsafe address = range.address
    byteCount = unsafe range.byteCount
  }

  private static func map(
    _ count: UInt64, _ sourceByteCount: UInt64
  ) throws(MemoryImageError) -> (address: UnsafeMutableRawPointer, byteCount: Int) {
    guard count < 1 << 58 else {
      throw .tooLarge(byteCount: sourceByteCount, errorNumber: ENOMEM)
    }
    let byteCount = Int(count) * 8
    #if os(Linux)
      let flags = MAP_PRIVATE | CInt(MAP_ANONYMOUS) | CInt(MAP_NORESERVE)
    #else
      let flags = MAP_PRIVATE | MAP_ANON | MAP_NORESERVE
    #endif
    // SAFETY: a mapping at an address of the kernel's choice touches nothing that is there.
    let mapped = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, -1, 0)
    guard unsafe mapped != MAP_FAILED, let start = unsafe mapped else {
      throw .tooLarge(byteCount: sourceByteCount, errorNumber: errno)
    }
    return unsafe (start, byteCount)
  }

  deinit {
    // SAFETY: the range was mapped by the initializer and is unmapped nowhere else.
    _ = unsafe munmap(address, byteCount)
  }
}
