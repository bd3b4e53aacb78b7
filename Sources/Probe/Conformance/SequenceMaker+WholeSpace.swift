// Sequences that go through the linear addresses: every root entry, addresses that are not
// canonical, and A and D of every entry on a path.

import MMU

extension SequenceMaker {
  private static let pool = ConformanceTables.poolAddress

  func wholeSpace() -> [ConformanceSequence] {
    rootEntries() + notCanonical() + paths()
  }

  /// Pages with each outcome, below every root entry but the agent's and the window's.
  private func rootEntries() -> [ConformanceSequence] {
    var space = SequenceSpace(rootLevel: rootLevel)
    let leaves: [UInt64] = [
      0x67, 0x65, 0x63, 0x67 | 1 << 63, 0x66, addressWidth < 52 ? 0x67 | 1 << 51 : 0x66,
    ]
    for (page, bits) in leaves.enumerated() {
      space.map(address(1, UInt64(page) << 12), to: Self.pool + UInt64(page) << 12, bits)
    }
    let entry = space.place(of: address(1), at: rootLevel).flatMap { space.words[$0] } ?? 0
    let indices = (0..<512).filter { $0 != 255 && $0 != SequenceSpace.windowIndex }
    for index in indices { space.put(entry, at: space.root + UInt64(index) * 8) }
    let ways: [(PrivilegeLevel, ConformanceAccess)] = PrivilegeLevel.allCases.flatMap { cpl in
      [ConformanceAccess.read, .write, .fetch].map { (cpl, $0) }
    }
    return ways.map { privilege, access in
      // No more in one step than a frame has words to write to.
      let steps = stride(from: 0, to: indices.count, by: 80).map { first in
        let part = indices[first..<min(indices.count, first + 80)]
        return ConformanceSequence.Step.access(
          access, privilege,
          part.flatMap { index in
            leaves.indices.map { address(index, UInt64($0) << 12) }
          }, .current)
      }
      return sequence(
        "every root entry, \(access.words) at CPL \(privilege.rawValue)", space, steps)
    }
  }

  /// Addresses that differ from a mapped one in a single high bit, the ends of the hole, and
  /// accesses across its ends.
  private func notCanonical() -> [ConformanceSequence] {
    let width: UInt64 = rootLevel == .pageMapLevel5 ? 57 : 48
    var space = SequenceSpace(rootLevel: rootLevel)
    let low = address(1)
    let high = address(511)
    space.map(low, to: Self.pool, Self.quiet)
    space.map(high, to: Self.pool + 0x1000, Self.quiet)
    // The first page of the upper half; the last of the lower is the agent's.
    let half = UInt64.max << (width - 1)
    space.map(half, to: Self.pool + 0x2000, Self.quiet)
    var addresses = ((width - 1)..<64).flatMap { [low ^ 1 << $0, high ^ 1 << $0] }
    addresses += [1 << (width - 1), half - 0x1000, 1 << 63, 0x7fff_ffff_ffff_f000]
    let width57 = LinearAddressWidth(rawValue: UInt8(width)) ?? .bits48
    addresses = addresses.filter { !width57.isCanonical($0) }
    var list: [ConformanceSequence] = []
    for privilege in PrivilegeLevel.allCases {
      let ordinary = ConformanceAccess.ordinary.map { access in
        ConformanceSequence.Step.access(access, privilege, addresses, .current)
      }
      // The four bytes before the upper half belong to no page.
      let crossing = [ConformanceAccess.crossingRead, .crossingWrite].map { access in
        ConformanceSequence.Step.access(access, privilege, [half - 0x1000], .current)
      }
      var accesses = sequence(
        "addresses that are not canonical, CPL \(privilege.rawValue)", space, ordinary + crossing)
      accesses.isInEverySample = true
      list.append(accesses)
    }
    return list
  }

  /// Each combination of A in every entry on a path, with D of the leaf both ways.
  private func paths() -> [ConformanceSequence] {
    var space = SequenceSpace(rootLevel: rootLevel)
    var addresses: [UInt64] = []
    let sizes: [PageSize] =
      features.contains(.oneGiBPages)
      ? PageSize.allCases : [.size4KiB, .size2MiB]
    var root = 1
    for size in sizes {
      let levelCount = rootLevel.rawValue - size.level.rawValue + 1
      for flags in 0..<(UInt64(1) << UInt64(levelCount)) {
        let page = address(root, UInt64(root) << 12 & (size.byteCount - 1))
        let start = address(root)
        // A 1 GiB page starts at physical 0.
        space.map(start, to: size == .size1GiB ? 0 : Self.pool, 0x7, size, tableBits: 0x7)
        if size == .size4KiB {
          space.map(page, to: Self.pool + UInt64(root % 512) << 12, 0x7, size, tableBits: 0x7)
        }
        var level = rootLevel
        for bit in 0..<UInt64(levelCount) {
          let isLeaf = level == size.level
          if flags >> bit & 1 != 0 {
            space.change(page, at: level) { $0 | 0x20 | (isLeaf && root & 1 != 0 ? 0x40 : 0) }
          }
          level = level.lower ?? .pageTable
        }
        addresses.append(size == .size1GiB ? start + Self.pool + 0x1000 : page)
        root += 1
      }
    }
    let ways = PrivilegeLevel.allCases.flatMap { cpl in
      ConformanceAccess.ordinary.map { (cpl, $0) }
    }
    return ways.map { privilege, access in
      sequence(
        "A and D on every path, \(access.words) at CPL \(privilege.rawValue)", space,
        [.access(access, privilege, addresses, .current)])
    }
  }
}
