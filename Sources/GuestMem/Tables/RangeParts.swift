// RangeParts: a range, cut where the entries of a table meet.

/// The parts of a range of positions in their order, each of which one entry decides.
///
/// Every operation on a range goes through its entries by this sequence.
@frozen @usableFromInline package struct RangeParts: Sequence, IteratorProtocol {
  /// Where the next part begins.
  @usableFromInline var position: UInt64
  /// Where the range ends.
  @usableFromInline let end: UInt64
  /// The number of bytes that an entry decides, a power of 2.
  @usableFromInline let span: UInt64

  @inlinable
  package init(_ range: Range<UInt64>, span: UInt64) {
    position = range.lowerBound
    end = range.upperBound
    self.span = span
  }

  @inlinable @inline(__always)
  package mutating func next() -> Range<UInt64>? {
    guard position < end else { return nil }
    let start = position
    position = Swift.min(end, Self.end(ofEntryAt: start, span: span))
    // SAFETY: the part's end lies above its start, both below 2^57.
    return unsafe Range(uncheckedBounds: (start, position))
  }

  /// Where what the entry for `position` decides ends.
  @inlinable @inline(__always)
  package static func end(ofEntryAt position: UInt64, span: UInt64) -> UInt64 {
    (position | (span &- 1)) &+ 1
  }
}

extension Range<UInt64> {
  /// The number of bytes, which is not checked to fit into an `Int`.
  @inlinable package var byteCount: UInt64 { upperBound &- lowerBound }
}

extension PageTableConfiguration {
  /// The parts of `range` by the entries of a table at `level`.
  @inlinable @inline(__always)
  package static func parts(of range: Range<UInt64>, at level: UInt64) -> RangeParts {
    RangeParts(range, span: span(level))
  }
}
