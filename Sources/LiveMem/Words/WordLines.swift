// WordLines: shared words of this process, eight to a cache line.

/// Cache lines of eight words each, zero at first, so that words which different threads write need
/// not share a line.
///
/// Not public, because a place in a line can outlive it.
@safe @usableFromInline package final class WordLines: Sendable {
  /// The number of lines.
  @usableFromInline package let count: Int
  @usableFromInline let first: SharedWord

  /// The number of bytes of a line.
  @inlinable static var byteCount: Int { 64 }

  /// Makes `count` lines, one at least.
  @usableFromInline package init(count: Int) {
    let count = max(1, min(count, 1 << 20))
    self.count = count
    let pointer = UnsafeMutableRawPointer.allocate(
      byteCount: count * Self.byteCount, alignment: Self.byteCount)
    unsafe pointer.initializeMemory(as: UInt64.self, repeating: 0, count: count * 8)
    // SAFETY: the memory stays until this object goes.
    first = unsafe SharedWord(pointer)
  }

  deinit { unsafe first.pointer.deallocate() }

  /// The word `index` modulo 8 of a line; of the first line when there is no such line.
  @inlinable
  package func word(_ line: Int, _ index: Int = 0) -> SharedWord {
    let line = line >= 0 && line < count ? line : 0
    // SAFETY: the line is one of `count`, which stay as long as this object.
    return unsafe SharedWord(first.pointer + (line &* Self.byteCount &+ (index & 7) &* 8))
  }
}
