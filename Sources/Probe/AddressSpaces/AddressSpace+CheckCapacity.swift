// Whether everything that is asked for can fit in guest memory.

import GuestMem
import MMU

extension AddressSpace {
  /// Compares RAM with a lower bound of what the mappings need.
  ///
  /// Ranges at given addresses count once however often they are mapped; ranges "anywhere" count
  /// each. Of the tables only those that hold the leaves are counted, filled with the largest
  /// leaves that are allowed. Tables may lie in memory that is mapped at a given address.
  func checkCapacity(into problems: inout [AddressSpaceProblem]) {
    var needed = SaturatingSum()
    var tables = SaturatingSum()
    var fixedRanges: [(first: UInt64, end: UInt64)] = []
    for mapping in mappings where !mapping.properties.rights.isEmpty {
      switch mapping.target {
      case .anywhere:
        needed.add(mapping.byteCount)
        tables.add(mapping.byteCount)
      case .memory(let address):
        let (end, overflow) = address.rawValue.addingReportingOverflow(mapping.byteCount)
        fixedRanges.append((address.rawValue, overflow ? .max : end))
      case .device: break
      }
      let leafByteCount = largestLeaf(for: mapping).byteCount
      tables.add(mapping.byteCount / (512 * leafByteCount) * 4096)
    }
    fixedRanges.sort { ($0.first, $0.end) < ($1.first, $1.end) }
    var reached: UInt64 = 0
    for range in fixedRanges {
      let end = min(range.end, memory.end)
      let first = max(range.first, reached)
      if end > first { needed.add(end - first) }
      reached = max(reached, end)
    }
    let most = max(needed.value, tables.value)
    if most > memoryByteCount && memoryByteCount > 0 {
      problems.append(
        .memoryExhausted(neededByteCount: most, memoryByteCount: memoryByteCount))
    } else {
      checkPageCount(into: &problems)
    }
  }

  private func largestLeaf(for mapping: Mapping) -> PageSize {
    switch mapping.target {
    case .anywhere: mapping.largestLeaf(at: mapping.linearAddress.rawValue)
    case .memory(let address), .device(let address): mapping.largestLeaf(at: address.rawValue)
    }
  }

  /// The most pages that an address space may have: every one is kept in mind until it is probed.
  public static let pageLimit: UInt64 = 1 << 22

  /// Reports the first mapping with which there are too many pages, even if they are the largest.
  private func checkPageCount(into problems: inout [AddressSpaceProblem]) {
    var count = SaturatingSum()
    for (index, mapping) in mappings.enumerated() where !mapping.properties.rights.isEmpty {
      let (quotient, remainder) = mapping.byteCount.quotientAndRemainder(
        dividingBy: largestLeaf(for: mapping).byteCount)
      count.add(quotient + (remainder > 0 ? 1 : 0))
      if count.value > Self.pageLimit {
        problems.append(.tooManyPages(mapping: index, limit: Self.pageLimit))
        return
      }
    }
  }
}

extension Mapping {
  /// The largest page that may be used when the mapping leads to `physicalAddress`.
  func largestLeaf(at physicalAddress: UInt64) -> PageSize {
    if case .exactly(let size) = pageSize { return size }
    let difference = physicalAddress ^ linearAddress.rawValue
    return PageSize.allCases.reversed().first { difference.isMultiple(of: $0.byteCount) }
      ?? .size4KiB
  }
}

/// A sum that stays at the largest number instead of overflowing.
private struct SaturatingSum {
  private(set) var value: UInt64 = 0

  mutating func add(_ other: UInt64) {
    let (sum, overflow) = value.addingReportingOverflow(other)
    value = overflow ? .max : sum
  }
}
