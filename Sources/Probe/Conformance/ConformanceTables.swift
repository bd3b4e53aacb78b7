// ConformanceTables: the matrices as tables in guest memory.

import GuestMem
import MMU

/// Writes the tables of matrices that share a root.
struct ConformanceTables {
  /// 2 MiB frames whose pages carry stamps; leaves lead to them.
  static let poolAddress: UInt64 = 2 << 20
  static let poolByteCount: UInt64 = 8 << 20
  /// The first address after the pool.
  static let firstTable: UInt64 = poolAddress + poolByteCount

  /// A, D and everything allowed, so that the processor has nothing to write.
  static let quiet: UInt64 = 0x67

  let root: UInt64
  private let memory: MemoryView
  private var nextTable: UInt64
  /// For each matrix, the table that holds its upper entries (with several, the root itself).
  private var upperTables: [UInt64] = []
  /// For each matrix and upper entry, the table of its lower entries.
  private var lowerTables: [[UInt64]] = []

  /// The memory that the matrices need, in bytes: pool, tables, and some room.
  static func byteCount(for matrices: [ConformanceMatrix]) -> UInt64 {
    let tables = matrices.reduce(16) { $0 + $1.upper.count + 8 }
    return (firstTable + UInt64(tables) * 4096 + 0x1f_ffff) & ~0x1f_ffff
  }

  init(_ matrices: [ConformanceMatrix], in memory: MemoryView) {
    self.memory = memory
    root = Self.firstTable
    nextTable = root + 4096
    for matrix in matrices { write(matrix) }
  }

  /// Where the upper entry of a pair stands.
  func upperAddress(_ matrix: ConformanceMatrix, at position: Int, _ upper: Int) -> UInt64 {
    let index = matrix.upperLevel == matrix.rootLevel ? matrix.rootIndex + upper : upper
    return upperTables[position] + UInt64(index) * 8
  }

  /// Where the lower entry of a pair stands.
  func lowerAddress(_ position: Int, _ upper: Int, _ lower: Int) -> UInt64 {
    lowerTables[position][upper] + UInt64(lower) * 8
  }

  /// The frames of all tables.
  var tableFrames: StrideTo<UInt64> { stride(from: root, to: nextTable, by: 4096) }

  private mutating func newTable() -> UInt64 {
    defer { nextTable += 4096 }
    return nextTable
  }

  private func store(_ word: UInt64, _ table: UInt64, _ index: Int) {
    memory.storeWord(
      word, at: GuestPhysicalAddress(truncating: table + UInt64(index) * 8))
  }

  private mutating func write(_ matrix: ConformanceMatrix) {
    var table = root
    var level = matrix.rootLevel
    // Above the upper entries: one entry per level that allows everything.
    var index = matrix.rootIndex
    while level > matrix.upperLevel {
      let next = newTable()
      let bits =
        level == matrix.readOnlyLevel
        ? Self.quiet & ~PageTableEntry.Bit.readWrite : Self.quiet
      store(next | bits, table, index)
      table = next
      index = 0
      level = level.lower ?? level
    }
    upperTables.append(table)
    let below = matrix.hasLeaves ? 0 : writeBelow(matrix.lowerLevel)
    var tables: [UInt64] = []
    let first = matrix.upperLevel == matrix.rootLevel ? matrix.rootIndex : 0
    for (upperIndex, upper) in matrix.upper.enumerated() {
      let lowerTable = newTable()
      tables.append(lowerTable)
      store(
        upper.bits | upperTarget(matrix, upperIndex, table: lowerTable), table, first + upperIndex)
      for (lowerIndex, lower) in matrix.lower.enumerated() {
        let address =
          matrix.hasLeaves ? leafAddress(matrix, upperIndex, lowerIndex) : below
        store(lower.bits | address, lowerTable, lowerIndex)
      }
    }
    lowerTables.append(tables)
  }

  private func upperTarget(_ matrix: ConformanceMatrix, _ upper: Int, table: UInt64) -> UInt64 {
    if matrix.target == .noTable { return 0 }
    let isLeaf =
      matrix.upper[upper].bits & PageTableEntry.Bit.pageSize != 0
      && matrix.upperLevel == .pageDirectory
    return isLeaf ? Self.pool(upper) : table
  }

  /// The tables below lower entries that are no leaves: one of each level, down to a page.
  private mutating func writeBelow(_ level: Level) -> UInt64 {
    let top = newTable()
    var table = top
    var level = level.lower ?? .pageTable
    while let lower = level.lower {
      let next = newTable()
      store(next | Self.quiet, table, 0)
      table = next
      level = lower
    }
    store(Self.poolAddress | Self.quiet, table, 0)
    return top
  }

  /// One of the pool's 2 MiB frames.
  private static func pool(_ number: Int) -> UInt64 {
    poolAddress + UInt64(number % Int(poolByteCount >> 21)) << 21
  }

  private func leafAddress(_ matrix: ConformanceMatrix, _ upper: Int, _ lower: Int) -> UInt64 {
    if matrix.target == .device { return 0 }
    switch matrix.lowerLevel {
    case .pageTable: return Self.pool(upper) + UInt64(lower % 512) * 4096
    case .pageDirectory: return Self.pool(lower)
    default: return 0
    }
  }
}
