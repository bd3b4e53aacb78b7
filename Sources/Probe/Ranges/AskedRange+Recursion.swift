// A recursive slot as a range that is asked for.

import GuestMem
import MMU

extension AskedRange {
  /// The range of a recursive slot.
  ///
  /// What is below the entry follows from the other entries, so that comparing the entry, with all of
  /// its bits, compares the range.
  init(_ slot: RecursiveSlot, rootLevel: Level, pageAttributeTable: UInt64) {
    var page = PageStatement()
    page.isWritable = slot.rights.contains(.write)
    page.isExecutable = slot.rights.contains(.execute)
    page.isUser = false
    page.isGlobal = false
    page.protectionKey = 0
    page.softwareBits = 0
    page.pageSize = .size4KiB
    // PWT, PCD and PAT are clear.
    page.setMemoryTypes(ofIndices: 1, in: pageAttributeTable)
    let range = slot.addresses(rootLevel: rootLevel)
    self.init(first: range.lowerBound, last: range.upperBound, content: .recursive(page))
  }

  /// True where a root entry is asked for that leads to the root.
  public var isRecursive: Bool {
    if case .recursive = content { true } else { false }
  }
}

extension RangeComparison {
  /// True when the recursive slot is not as it was asked for.
  public var differsInRecursiveSlot: Bool {
    differences.contains { $0.asked?.isRecursive == true }
  }
}
