// FindingList: the findings of one rule, joined where they are neighbours.

/// Findings of one rule, of which the first ``AuditReport/limit`` are kept.
struct FindingList {
  private(set) var items: [AuditFinding] = []
  private(set) var droppedCount = 0

  /// True when another finding that joins none would only be counted.
  var isFull: Bool { items.count >= AuditReport.limit }

  /// Takes a finding, which often continues the one before it.
  mutating func add(_ finding: AuditFinding) {
    let last = items.count - 1
    if last >= 0 && items[last].append(finding) { return }
    if isFull { droppedCount += 1 } else { items.append(finding) }
  }

  /// Counts findings that are not kept.
  mutating func drop(_ count: Int) {
    let (sum, overflow) = droppedCount.addingReportingOverflow(count)
    droppedCount = overflow ? .max : sum
  }

  /// Takes all of `other`, each changed by `move`; ``join()`` brings them into order.
  mutating func add(_ other: FindingList, _ move: (inout AuditFinding) -> Void = { _ in }) {
    drop(other.droppedCount)
    items.reserveCapacity(items.count + other.items.count)
    for var finding in other.items {
      move(&finding)
      items.append(finding)
    }
    if items.count > 8 * AuditReport.limit { join() }
  }

  /// Orders the findings by linear address, makes one of neighbours of a kind, and keeps the first.
  ///
  /// - Complexity: O(n log n).
  mutating func join() {
    items.sort { ($0.kind, $0.linearAddress) < ($1.kind, $1.linearAddress) }
    var joined: [AuditFinding] = []
    joined.reserveCapacity(items.count)
    for finding in items {
      let last = joined.count - 1
      if last < 0 || !joined[last].append(finding) { joined.append(finding) }
    }
    joined.sort {
      ($0.linearAddress, $0.byteCount, $0.physicalAddress, $0.otherAddress ?? 0, $0.kind)
        < ($1.linearAddress, $1.byteCount, $1.physicalAddress, $1.otherAddress ?? 0, $1.kind)
    }
    let surplus = joined.count - AuditReport.limit
    if surplus > 0 {
      joined.removeLast(surplus)
      drop(surplus)
    }
    items = joined
  }

  /// Leaves out the findings for which `isUnwanted` holds.
  mutating func remove(where isUnwanted: (AuditFinding) -> Bool) {
    items.removeAll(where: isUnwanted)
  }
}
