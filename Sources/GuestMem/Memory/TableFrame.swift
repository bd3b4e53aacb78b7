// TableFrame: a frame that may be read as a table.

/// The address of a 4 KiB frame inside a ``MemoryView``; only that view makes them.
@frozen public struct TableFrame: Hashable, Sendable {
  /// The guest-physical address; a multiple of 4 KiB.
  public let address: UInt64

  @inlinable package init(validated address: UInt64) { self.address = address }

  /// The number of the frame.
  @inlinable public var frame: UInt64 { address &>> 12 }
}
