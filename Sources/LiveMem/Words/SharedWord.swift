// SharedWord: a word that several threads, or a thread and a processor, read and write.

/// The place of an aligned 8-byte word that others may change at any moment.
///
/// A place of its own type, so that only a ``WordAccess`` reads and writes it: what is not one of
/// its steps cannot be interleaved by a test.
@safe @frozen public struct SharedWord: Hashable, @unchecked Sendable {
  /// Where the word stands in this process.
  public let pointer: UnsafeMutableRawPointer

  /// Takes the place of a word.
  ///
  /// Safety: 8 bytes at `pointer`, a multiple of 8, stay there for as long as the place is used.
  @unsafe @inlinable
  public init(_ pointer: UnsafeMutableRawPointer) { unsafe self.pointer = pointer }

  /// True for the same place.
  @inlinable
  public static func == (left: SharedWord, right: SharedWord) -> Bool {
    unsafe left.pointer == right.pointer
  }

  /// Hashes the place, not what stands there.
  @inlinable
  public func hash(into hasher: inout Hasher) { unsafe hasher.combine(pointer) }
}
