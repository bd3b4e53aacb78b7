// How many cache lines an operation writes, by the counters of LiveMem's code.

import GuestMem
import LiveMem
import MMU

/// The same kinds of table, whose steps are counted.
protocol CountedConfiguration: SharedPageTableConfiguration where Access == CountingAccess {}

extension CountedConfiguration {
  static var indexBitCount: UInt64 { 9 }
  static var ownedSpace: OwnedSpace { .all }
  static var topLevelRemoval: TopLevelRemoval { .allowed }
  static var highestLeafLevel: Level { .pageDirectoryPointerTable }
  static var leafOwnership: LeafOwnership { .none }
}

enum CountedAdv: CountedConfiguration {}

enum CountedReaderWriter: CountedConfiguration {
  static var lockProtocol: LockProtocol { .rw }
}

enum CountedOneLock: CountedConfiguration {
  static var lockProtocol: LockProtocol { .oneLock }
}

/// The lines that an operation of each phase writes on a region in tables that are there.
func writtenLines<Configuration: CountedConfiguration>(
  _: Configuration.Type
) throws -> [Phase: Int] {
  let table = try makeTable(Configuration.self)
  let start = region(1, of: 0, .low, threads: 1)
  // The table stays when the region goes.
  try perform(.map, table, region(0, of: 0, .low, threads: 1))
  var lines: [Phase: Int] = [:]
  for phase in Phase.turns {
    CountingAccess.startCounting()
    try perform(phase, table, start)
    let touched = CountingAccess.stopCounting()
    lines[phase] = lines[phase] ?? touched.written.count
  }
  return lines
}
