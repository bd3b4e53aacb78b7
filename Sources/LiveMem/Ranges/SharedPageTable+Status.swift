// SharedPageTable, status: what is to be said of a page, without a lock or with its range locked.

public import GuestMem
public import MMU

/// What is to be said of a page: all that a fault handler needs.
@frozen public enum PageStatus<Configuration: PageTableConfiguration>: Hashable, Sendable {
  /// Nothing is mapped, and nobody has said anything about it.
  case absent
  /// Nothing is mapped, and this is what was said of this page.
  case marked(Mark)
  /// A leaf maps it, with or without rights.
  case mapped(MappedPage<Configuration>)
}

extension SharedPageTable {
  /// What is to be said of the page of `linearAddress`.
  ///
  /// It takes no lock: the answer was true at one moment between the call and the return. A handler that is
  /// about to change something asks again with the range locked (``LockedRange/status(of:)``).
  ///
  /// - Throws: ``LiveTableError/pinsExhausted(capacity:)``; `notCanonical` of `PageTableError`; for what only a
  ///   guest can have written, `invalidEntry` and ``LiveTableError/markPayload(_:limit:)``.
  /// - Complexity: one load for each level, and one locked operation.
  @inlinable
  public func status(
    of linearAddress: LinearAddress
  ) throws(LiveTableError) -> PageStatus<Configuration> {
    let position = try places.checkedPosition(linearAddress)
    let pin = try places.pins.pin(.standard)
    defer { places.pins.unpin(pin) }
    return try places.status(of: position, from: root, level: places.rootLevel)
  }
}

extension LockedRange {
  /// What is to be said of the page of `linearAddress`, which lies in the range.
  ///
  /// - Throws: `notCanonical` and `outsideCursor` of `PageTableError`; for what only a guest can have written,
  ///   `invalidEntry` and ``LiveTableError/markPayload(_:limit:)``.
  @inlinable
  public func status(
    of linearAddress: LinearAddress
  ) throws(LiveTableError) -> PageStatus<Configuration> {
    let position = try places.checkedPosition(linearAddress)
    guard range.contains(position) else {
      throw .table(.outsideCursor(linearAddress: linearAddress.rawValue, byteCount: 1))
    }
    return try places.status(of: position, from: covering, level: level)
  }
}

extension TablePlaces {
  @inlinable
  func checkedPosition(_ linearAddress: LinearAddress) throws(LiveTableError) -> UInt64 {
    do throws(PageTableError) {
      return try position(linearAddress)
    } catch {
      throw .table(error)
    }
  }

  /// What is to be said of a position from a table on, which the caller keeps from being used for something
  /// else.
  @inlinable
  func status(
    of position: UInt64, from start: TableFrame, level startLevel: UInt64
  ) throws(LiveTableError) -> PageStatus<Configuration> {
    var table = start
    var level = startLevel
    while true {
      let entry = load(table, Configuration.index(position, level))
      switch EntryClass(entry, level: level, in: Configuration.entryFormat) {
      case .absent: return .absent
      case .table:
        guard let child = child(of: entry, level: level) else {
          throw .table(invalid(entry, position, level))
        }
        table = child
        level &-= 1
      case .leaf: return .mapped(page(entry, position, level))
      case .invalid:
        guard let mark = Mark(entry: entry) else {
          throw .table(invalid(entry, position, level))
        }
        let offset = (position & (Configuration.span(level) &- 1)) &>> 12
        return .marked(try checked(mark.advanced(byPages: offset)))
      }
    }
  }

  /// The page that a leaf maps at a position.
  @inlinable
  func page(_ leaf: UInt64, _ position: UInt64, _ level: UInt64) -> MappedPage<Configuration> {
    let shift = Configuration.shift(level)
    let physical = EntryBits.leafAddress(leaf, shift: shift) | position & (1 &<< shift &- 1)
    return MappedPage(
      physicalAddress: GuestPhysicalAddress(truncating: physical), entry: leaf,
      level: levelNumbered(level))
  }

  /// The mark itself if its payload and those of the pages behind it are below their limit.
  @inlinable
  func checked(_ mark: Mark, pageCount: UInt64 = 1) throws(LiveTableError) -> Mark {
    guard markLimits.allow(mark, pageCount: pageCount) else {
      throw .markPayload(mark, limit: markLimits.limit(for: mark.kind))
    }
    return mark
  }
}
