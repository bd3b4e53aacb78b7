// The matrices of the full profile: every bit of every level, and what lies beyond single pages.

import MMU

extension ConformanceMatrix {
  /// All matrices of tables with `rootLevel` on a machine with `features`.
  static func full(
    rootLevel: Level, addressWidth: UInt8, features: Set<MachineFeature>
  ) -> [ConformanceMatrix] {
    var list = MatrixList(rootLevel: rootLevel, addressWidth: addressWidth)
    list.addPairs(has1GiBPages: features.contains(.oneGiBPages))
    list.addCrossings()
    list.addOutsideMemory()
    list.addDescriptors()
    if features.contains(.protectionKeys) || features.contains(.supervisorProtectionKeys) {
      list.addKeys(has1GiBPages: features.contains(.oneGiBPages))
    }
    return list.matrices
  }
}

/// Matrices that share a root, each with root entries of its own.
private struct MatrixList {
  let rootLevel: Level
  let addressWidth: UInt8
  var matrices: [ConformanceMatrix] = []
  private var rootIndex = 1

  init(rootLevel: Level, addressWidth: UInt8) {
    self.rootLevel = rootLevel
    self.addressWidth = addressWidth
  }

  private mutating func add(
    _ name: String, _ upperLevel: Level, _ upper: [EntryVariant], _ lower: [EntryVariant],
    hasLeaves: Bool = true, change: (inout ConformanceMatrix) -> Void = { _ in }
  ) {
    var matrix = ConformanceMatrix(
      name: name, rootLevel: rootLevel, upperLevel: upperLevel, upper: upper, lower: lower,
      hasLeaves: hasLeaves, rootIndex: rootIndex)
    change(&matrix)
    rootIndex += matrix.rootEntryCount
    matrices.append(matrix)
  }

  private func tables(_ level: Level) -> [EntryVariant] {
    EntryVariant.tables(at: level, addressWidth: addressWidth)
  }

  private func leaves(_ level: Level) -> [EntryVariant] {
    EntryVariant.leaves(at: level, addressWidth: addressWidth)
  }

  /// Each two adjacent levels, and leaves of each size.
  mutating func addPairs(has1GiBPages: Bool) {
    add("PDE and PTE", .pageDirectory, tables(.pageDirectory), leaves(.pageTable))
    add(
      "PDPTE and 2 MiB PDE", .pageDirectoryPointerTable, tables(.pageDirectoryPointerTable),
      leaves(.pageDirectory))
    add(
      "PDPTE and PDE", .pageDirectoryPointerTable, tables(.pageDirectoryPointerTable),
      tables(.pageDirectory), hasLeaves: false)
    add(
      "PML4E and PDPTE", .pageMapLevel4, tables(.pageMapLevel4),
      tables(.pageDirectoryPointerTable), hasLeaves: false)
    let largest = leaves(.pageDirectoryPointerTable)
    add(
      has1GiBPages ? "PML4E and 1 GiB PDPTE" : "PML4E and PDPTE with PS reserved", .pageMapLevel4,
      tables(.pageMapLevel4), largest
    ) { $0.isForLackOf1GiBPages = !has1GiBPages }
    if rootLevel == .pageMapLevel5 {
      add(
        "PML5E and PML4E", .pageMapLevel5, tables(.pageMapLevel5), tables(.pageMapLevel4),
        hasLeaves: false)
    }
  }

  /// Each leaf before and after one that allows everything.
  mutating func addCrossings() {
    let open = EntryVariant.open
    // With A set, so that all pairs below can be used at once.
    let closed = [open, open & ~2, open & ~4, open | 1 << 63].map { EntryVariant($0 | 1 << 5) }
    for level in [Level.pageTable, .pageDirectory] {
      let size = level == .pageTable ? 0 : PageTableEntry.Bit.pageSize
      var lower = [EntryVariant(open | size)]
      for leaf in leaves(level) { lower += [leaf, EntryVariant(open | size)] }
      add(
        "\(level.entryName)s of pages side by side", level.upper ?? .pageDirectory,
        level == .pageTable ? closed : [EntryVariant(open)], lower
      ) {
        $0.accesses = [.crossingRead, .crossingWrite]
        $0.legality = .withNextPage
      }
    }
  }

  /// Leaves and tables at addresses without memory: in every flag, and in every address bit.
  mutating func addOutsideMemory() {
    let bits = (addressWidth > 33 ? 33..<UInt64(addressWidth) : 31..<32).map { 1 << $0 as UInt64 }
    let far = bits.last ?? 1 << 31
    let flags: [UInt64] = [1, 2, 4, 1 << 63, 1 << 5]
    let open = EntryVariant(EntryVariant.open)
    for level in [Level.pageTable, .pageDirectory] {
      let size = level == .pageTable ? 0 : PageTableEntry.Bit.pageSize
      let leaves =
        EntryVariant.subsets(of: flags + [1 << 6]).map { $0 | far } + bits.map { open.bits | $0 }
      add(
        "\(level.entryName) that leads outside of memory", level.upper ?? .pageDirectory, [open],
        leaves.map { EntryVariant($0 | size) }
      ) {
        $0.accesses = [.read, .write, .fetch, .lockedOr, .push]
        $0.target = .device
      }
    }
    for level in Level.allCases where level > .pageTable && level <= rootLevel {
      let upper =
        EntryVariant.subsets(of: flags).map { $0 | far } + bits.map { open.bits | $0 }
      add(
        "\(level.entryName) whose table is outside of memory", level, upper.map(EntryVariant.init),
        [open], hasLeaves: level == .pageDirectory
      ) {
        $0.accesses = [.read, .write, .fetch]
        $0.target = .noTable
      }
    }
  }

  /// Leaves that the processor reads descriptors through.
  mutating func addDescriptors() {
    let open = EntryVariant.open
    let upper = [open, open & ~1, open & ~2, open & ~4, open | 1 << 63, open | 1 << 5]
    add(
      "PDE and PTE below descriptors", .pageDirectory, upper.map(EntryVariant.init),
      leaves(.pageTable)
    ) { $0.accesses = [.descriptor] }
  }

  /// Every protection key in leaves of each size, and keys in the entries above.
  mutating func addKeys(has1GiBPages: Bool) {
    let open = EntryVariant.open
    let upper = [open, open | 0xf << 59, open & ~2, open & ~4, open & ~4 | 5 << 59]
    let sizes: [Level] =
      [.pageTable, .pageDirectory] + (has1GiBPages ? [.pageDirectoryPointerTable] : [])
    for level in sizes {
      let size = level == .pageTable ? 0 : PageTableEntry.Bit.pageSize
      let lower = (0..<16 as Range<UInt64>).flatMap { key in
        EntryVariant.subsets(of: [2, 4, 1 << 63]).map {
          EntryVariant($0 | PageTableEntry.Bit.present | size | key << 59)
        }
      }
      add(
        "keys in \(level.entryName)s", level.upper ?? .pageDirectory, upper.map(EntryVariant.init),
        lower
      ) { $0.modes = .keys }
    }
  }
}
