// Mark: what an absent page is to become, written into its absent entry.

/// What software says of pages that are not mapped: what a fault there is to bring.
///
/// A mark stands in an entry with P = 0, of which a processor uses no other bit, so that it costs no memory of
/// its own and a change of it needs no flush. An entry of an upper level marks all that it decides.
///
/// Who can write into the tables can write a mark, with any payload below the table's
/// ``MarkLimits``: what a payload gives access to is to be checked as if the guest had asked for it. Processors
/// with L1TF may read speculatively where bits 51:12 of an entry with P = 0 lead; a guest that is not trusted
/// can write such entries with and without marks.
///
/// Source: Intel SDM volume 3A, section 5.5.4 (when P is 0, bits 63:1 are ignored); AMD APM volume 2,
/// section 5.4.1 (P: the other bits are available to software then).
@frozen public struct Mark: Hashable, Sendable {
  /// The kind of a mark.
  public enum Kind: UInt8, Hashable, Sendable, CaseIterable {
    /// A page of zeroes at the first access; the payload is the same for all pages of a range.
    case lazy = 1
    /// A page that was written to a slot of the swap area: each page of a range has the slot after that of
    /// the page before.
    case swapped
    /// A page of a file: each page of a range has the payload after that of the page before.
    case file
    /// A page that is never to be there; the payload is the same for all pages of a range.
    case guardPage

    /// The stable name of the case.
    public var id: String {
      switch self {
      case .lazy: "lazy"
      case .swapped: "swapped"
      case .file: "file"
      case .guardPage: "guard"
      }
    }

    /// True when the payload of each page is one more than that of the page before.
    @inlinable public var counts: Bool { self == .swapped || self == .file }
  }

  /// The kind.
  public let kind: Kind
  /// What the kind needs to know, below the table's ``MarkLimits``.
  public let payload: UInt64

  /// A mark of the first page of a range.
  @inlinable
  public init(_ kind: Kind, payload: UInt64 = 0) {
    self.kind = kind
    self.payload = payload
  }

  /// The number of bits that an entry has for a payload.
  @inlinable public static var payloadBitCount: UInt64 { 52 }

  /// The mark of a page that comes `pageCount` pages later in a range; wraps, as its check tells.
  @inlinable
  func advanced(byPages pageCount: UInt64) -> Mark {
    kind.counts ? Mark(kind, payload: payload &+ pageCount) : self
  }

  // MARK: - Entries

  // Bit 2 is set and bits 0, 1 and 7 are clear, so that no entry of either format is a mark: bit 0 is P, bit 1
  // tells a leaf without rights in the native format, bit 7 a leaf in OSTD's. Bits 6:3 are the kind, bits 11:8
  // are clear, bits 63:12 are the payload.
  @inlinable static var sign: UInt64 { 1 << 2 }
  @inlinable static var fixedBits: UInt64 { 0xf87 }

  /// The entry that says this; the payload is below its limit.
  @inlinable var entry: UInt64 {
    payload &<< 12 | UInt64(kind.rawValue) &<< 3 | Self.sign
  }

  /// What an entry says; nil for one that is no mark, whatever wrote it.
  @inlinable
  init?(entry: UInt64) {
    guard entry & Self.fixedBits == Self.sign,
      let kind = Kind(rawValue: UInt8(truncatingIfNeeded: (entry &>> 3) & 15))
    else { return nil }
    self.init(kind, payload: entry &>> 12)
  }
}

/// The payloads that marks of a table may have: each kind's are below its number.
@frozen public struct MarkLimits: Hashable, Sendable {
  /// For ``Mark/Kind/lazy``.
  public var lazy: UInt64
  /// For ``Mark/Kind/swapped``: the number of slots of the swap area.
  public var swapped: UInt64
  /// For ``Mark/Kind/file``.
  public var file: UInt64
  /// For ``Mark/Kind/guardPage``.
  public var guardPage: UInt64

  /// Limits; 2^52, what an entry has bits for, where nothing else is said.
  @inlinable
  public init(
    lazy: UInt64 = 1 << 52, swapped: UInt64 = 1 << 52, file: UInt64 = 1 << 52,
    guardPage: UInt64 = 1 << 52
  ) {
    self.lazy = lazy
    self.swapped = swapped
    self.file = file
    self.guardPage = guardPage
  }

  /// The number that a payload must be below, 2^52 at most.
  @inlinable
  public func limit(for kind: Mark.Kind) -> UInt64 {
    let limit =
      switch kind {
      case .lazy: lazy
      case .swapped: swapped
      case .file: file
      case .guardPage: guardPage
      }
    return min(limit, 1 &<< Mark.payloadBitCount)
  }

  /// True when a mark and those of the pages behind it, `pageCount` in all, are below their limit.
  @inlinable
  func allow(_ mark: Mark, pageCount: UInt64 = 1) -> Bool {
    let limit = limit(for: mark.kind)
    guard mark.payload < limit else { return false }
    return !mark.kind.counts || pageCount <= limit &- mark.payload
  }
}
