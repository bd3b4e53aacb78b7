// LockedRange, adv: a descent without locks, then the locks of the tables that the range meets.

public import GuestMem

extension LockedRange {
  /// How often a descent begins again before it is called a failure; a descent begins again only
  /// when another thread has unlinked a table, or when a guest writes links into the tables.
  @inlinable static var restartLimit: Int { 10_000 }

  /// True when the range is to be locked below the entry for it in a table at `level`: it lies in
  /// what the entry decides, and is not all of it, because then the table below may have to go.
  @inlinable
  static func descends(_ range: Range<UInt64>, level: UInt64) -> Bool {
    level > 1
      && (range.lowerBound ^ (range.upperBound &- 1)) &>> Configuration.shift(level) == 0
      && range.byteCount < Configuration.span(level)
  }

  /// Locks the covering table and the tables below that the range meets.
  ///
  /// 1. Descend by loads alone: the pin keeps what is found from being used for something else.
  /// 2. Lock the lowest table. If it was unlinked, what led there is out of date: begin again.
  /// 3. Lock the tables below, parents before children and lower addresses first. None of them can
  ///    be unlinked now, because that needs the lock of the table above.
  ///
  /// Every thread locks in the order in which a walk meets the tables, so that none waits in a circle.
  @inlinable
  mutating func lockAdv(_ patience: inout Patience) throws(LiveTableError) {
    var restarts = 0
    while true {
      covering = places.root
      level = places.rootLevel
      while Self.descends(range, level: level) {
        let entry = places.load(covering, Configuration.index(range.lowerBound, level))
        guard let child = places.child(of: entry, level: level) else { break }
        covering = child
        level &-= 1
      }
      let outcome = try places.lock(
        covering, level: level, position: range.lowerBound, &patience)
      if outcome == .locked { break }
      restarts &+= 1
      guard restarts < Self.restartLimit else {
        throw places.busy(.nobody, level: level, position: range.lowerBound)
      }
    }
    isLocked = true
    try lockBelow(covering, level: level, range, &patience)
  }

  /// Locks the tables below an entry of `table` that `range` meets.
  @inlinable
  mutating func lockBelow(
    _ parent: TableFrame, level: UInt64, _ range: Range<UInt64>, _ patience: inout Patience
  ) throws(LiveTableError) {
    guard level > 1 else { return }
    for part in Configuration.parts(of: range, at: level) {
      let entry = places.load(parent, Configuration.index(part.lowerBound, level))
      guard let child = places.child(of: entry, level: level) else { continue }
      guard
        try places.lock(child, level: level &- 1, position: part.lowerBound, &patience) == .locked
      else {
        // Only a guest that writes links into tables leads here.
        throw .table(places.invalid(entry, part.lowerBound, level))
      }
      below.append(child)
      try lockBelow(child, level: level &- 1, part, &patience)
    }
  }

  /// Locks the root, whatever the range.
  @inlinable
  mutating func lockRoot(_ patience: inout Patience) throws(LiveTableError) {
    _ = try places.lock(covering, level: level, position: range.lowerBound, &patience)
    isLocked = true
  }
}
