// What an audit comes to, from what was found below each shared table.

extension Auditor {
  /// Applies the rules about memory, and says at which addresses everything holds.
  consuming func report<Memory: PhysicalMemory & ~Copyable>(
    of pageTables: PageTables, in memory: borrowing Memory
  ) -> AuditReport {
    checkMemory()
    var report = AuditReport()
    report.tableCount = tables.count
    report.unseenRunCount = unseenRunCount
    report.mapsPages = !runs.isEmpty
    let whole = placed()
    for rule in AuditRule.allCases {
      guard let list = whole.lists[rule] else { continue }
      if list.droppedCount > 0 { report.droppedCounts[rule] = list.droppedCount }
      for var finding in list.items {
        if rule == .leafBeyondMemory {
          finding.entry = pageTables.walk(finding.linearAddress, in: memory).lastEntry
        }
        report.findings.append(finding)
      }
    }
    return report
  }

  /// The root's scope with all that is below shared tables, at every address.
  ///
  /// A scope is finished after those below it, because the levels fall on the way down.
  private func placed() -> AuditScope {
    let holdsMemory = memory.isWhole(besides: tables.count)
    var placed: [Int: AuditScope] = [:]
    // The root of tables that are none was not left.
    for index in finished.last == 0 ? finished : finished + [0] {
      var scope = scopes[index]
      if !holdsMemory {
        scope.lists[.notPresentWithAddress, default: FindingList()].add(scope.uncertain)
      }
      for use in scope.uses {
        if let child = placed[use.scope] { scope.add(child, at: use) }
      }
      scope.finish()
      placed[index] = scope
    }
    return placed[0] ?? scopes[0]
  }
}
