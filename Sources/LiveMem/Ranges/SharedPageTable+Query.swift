// SharedPageTable, query: where an address leads, without a lock.

public import GuestMem
public import MMU

extension SharedPageTable {
  /// Where `linearAddress` leads, or nil when no leaf maps it.
  ///
  /// It takes no lock: the answer was true at one moment between the call and the return.
  ///
  /// - Throws: ``LiveTableError/pinsExhausted(capacity:)``.
  /// - Complexity: one load for each level, and one locked operation.
  @inlinable
  public func translate(
    _ linearAddress: LinearAddress
  ) throws(LiveTableError) -> MappedPage<Configuration>? {
    guard let position = try? places.position(linearAddress) else { return nil }
    let pin = try places.pins.pin(.standard)
    let answer = places.translate(position, from: root, level: places.rootLevel)
    places.pins.unpin(pin)
    return answer
  }

}

extension TablePlaces {
  /// Where a position leads from a table on, which the caller keeps from being used for something else.
  @inlinable
  func translate(
    _ position: UInt64, from start: TableFrame, level startLevel: UInt64
  ) -> MappedPage<Configuration>? {
    var table = start
    var level = startLevel
    while true {
      let entry = load(table, Configuration.index(position, level))
      switch EntryClass(entry, level: level, in: Configuration.entryFormat) {
      case .absent, .invalid: return nil
      case .table:
        guard let child = child(of: entry, level: level) else { return nil }
        table = child
        level &-= 1
      case .leaf: return page(entry, position, level)
      }
    }
  }
}

extension LockedRange {
  /// Where `linearAddress`, which lies in the range, leads; nil when no leaf maps it.
  ///
  /// - Throws: `notCanonical` and `outsideCursor` of `PageTableError`.
  @inlinable
  public func translate(
    _ linearAddress: LinearAddress
  ) throws(LiveTableError) -> MappedPage<Configuration>? {
    let position: UInt64
    do throws(PageTableError) {
      position = try places.position(linearAddress)
    } catch {
      throw .table(error)
    }
    guard range.contains(position) else {
      throw .table(.outsideCursor(linearAddress: linearAddress.rawValue, byteCount: 1))
    }
    return places.translate(position, from: covering, level: level)
  }
}
