// LieEffect: whether a lie matters, by the manual.

import GuestMem
import MMU
import Probe

/// What a lie comes to.
public enum LieEffect: Hashable, Sendable {
  /// Nothing that was asked for is answered in another way.
  case harmless
  /// Something is; the words say what and where.
  case matters(String)
  /// A table lies where no memory is, so that the manual does not say what a processor reads.
  case undetermined
}

extension LieEffect {
  /// Compares what the tables said with what they say now.
  ///
  /// The tables said what `space` asks for.
  init(
    _ before: PlainTables.Contents, _ after: PlainTables.Contents, asked space: AddressSpace
  ) {
    if let words = Self.difference(before.leaves, after.leaves, space) {
      self = .matters(words)
    } else {
      let malformed = after.reserved.first { !before.reserved.contains($0) }
      if let malformed {
        self = .matters("\(hex(malformed.lowerBound)) faults with RSVD")
      } else {
        self = before.unknown == after.unknown ? .harmless : .undetermined
      }
    }
  }

  /// The first difference: between two neighbouring borders nothing changes.
  private static func difference(
    _ before: [PlainLeaf], _ after: [PlainLeaf], _ space: AddressSpace
  ) -> String? {
    let borders = Set((before + after).flatMap { [$0.first, $0.last &+ 1] })
    var (old, new) = (0, 0)
    for address in borders.sorted() {
      while old < before.count, before[old].last < address { old += 1 }
      while new < after.count, after[new].last < address { new += 1 }
      let was = old < before.count && before[old].first <= address ? before[old] : nil
      let isNow = new < after.count && after[new].first <= address ? after[new] : nil
      switch (was, isNow) {
      case (nil, nil): continue
      case (nil, _?): return "\(hex(address)) is mapped"
      case (_?, nil): return "\(hex(address)) is not mapped"
      case (let was?, let isNow?):
        let found = was.differences(
          from: isNow, at: address, PlainQuestion(about: address, in: space))
        if !found.isEmpty { return "\(hex(address)): \(found.joined(separator: ", "))" }
      }
    }
    return nil
  }
}

extension PlainQuestion {
  /// What `space` asks for at `address` beyond what every mapping says.
  init(about address: UInt64, in space: AddressSpace) {
    for mapping in space.mappings where mapping.pageSize != .largest {
      let first = mapping.linearAddress.rawValue
      if first <= address, address &- first < mapping.byteCount { saysSize = true }
    }
  }
}

/// A number as reports write it.
func hex(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }
