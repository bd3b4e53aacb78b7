// AskedRange: one range of linear addresses as somebody says it should be.

import GuestMem
import MMU

/// A range of linear addresses and what is said about it.
public struct AskedRange: Hashable, Sendable {
  /// The first linear address.
  public var first: UInt64
  /// The last linear address, so that the top of the address space needs no 65th bit.
  public var last: UInt64
  /// What is said.
  public var content: AskedContent
  /// The index of the mapping that says it, where there is one.
  public var mapping: Int?

  /// Takes the parts as they are; `last` is not below `first`.
  public init(first: UInt64, last: UInt64, content: AskedContent, mapping: Int? = nil) {
    self.first = first
    self.last = max(first, last)
    self.content = content
    self.mapping = mapping
  }

  /// What is said about the part from `newFirst` to `newLast`, which lies inside.
  func part(_ newFirst: UInt64, _ newLast: UInt64) -> AskedRange {
    var part = self
    part.first = newFirst
    part.last = newLast
    if case .mapped(var page) = content {
      page.physicalAddress = page.physicalAddress.map { $0 &+ (newFirst &- first) }
      part.content = .mapped(page)
    }
    return part
  }

  /// Takes in `next` when it continues this range in the same way.
  public mutating func append(_ next: AskedRange) -> Bool {
    guard last < .max, next.first == last + 1, mapping == next.mapping else { return false }
    guard part(next.first, next.last).content == next.content else { return false }
    last = next.last
    return true
  }
}

/// What is said about a range.
public enum AskedContent: Hashable, Sendable {
  /// Nothing may be mapped.
  case absent
  /// Every address is mapped, in this way.
  case mapped(PageStatement)
  /// One root entry leads to the root: in this way, where it is read as the entry of a 4 KiB page.
  case recursive(PageStatement)
  /// Nothing is said: whatever is there is right.
  case unsaid
}

extension AddressSpace {
  /// What the mappings ask for, in the order of addresses.
  ///
  /// `placements` say where mappings lead, nil where nobody knows. A property that has a default in
  /// address-space files is said by its default. A and D are said where they are asked to be set;
  /// clear bits are only said by ``Mapping/clearFlags``, because the processor sets them.
  ///
  /// - Complexity: O(*n* log *n*).
  public func askedRanges(
    placements: [UInt64?], basis: AskedBasis = .effective, pageAttributeTable: UInt64
  ) -> [AskedRange] {
    let mapped = mappings.enumerated().compactMap { index, mapping -> AskedRange? in
      guard mapping.byteCount > 0 else { return nil }
      let first = mapping.linearAddress.rawValue
      let (sum, overflows) = first.addingReportingOverflow(mapping.byteCount - 1)
      let properties = mapping.properties
      var content = AskedContent.absent
      if !properties.rights.isEmpty {
        var page = PageStatement(
          physicalAddress: placements.indices.contains(index) ? placements[index] : nil,
          basis: basis)
        page.isWritable = properties.rights.contains(.write)
        page.isExecutable = properties.rights.contains(.execute)
        page.isUser = properties.isUser
        page.isGlobal = properties.isGlobal
        page.protectionKey = properties.protectionKey
        page.softwareBits = properties.softwareBits
        page.setMemoryType(properties.memoryType, in: pageAttributeTable)
        if case .exactly(let size) = mapping.pageSize { page.pageSize = size }
        if properties.isAccessed {
          page.isAccessed = true
        } else if mapping.clearFlags.contains(.accessed) {
          page.isAccessed = false
        }
        if properties.isDirty {
          page.isDirty = true
        } else if mapping.clearFlags.contains(.dirty) {
          page.isDirty = false
        }
        content = .mapped(page)
      }
      return AskedRange(
        first: first, last: overflows ? .max : sum, content: content, mapping: index)
    }
    let recursive = recursiveSlot.map {
      AskedRange($0, rootLevel: rootLevel, pageAttributeTable: pageAttributeTable)
    }
    return (mapped + (recursive.map { [$0] } ?? [])).sorted { $0.first < $1.first }
  }
}
