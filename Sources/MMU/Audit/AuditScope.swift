// AuditScope: what is found below one table that is reached in several ways.

/// The findings below a table, as they stand at the first linear address of the table.
///
/// They hold at every other way to the table with the same rights, moved there: see ``uses`` of the
/// scopes above. The scope of the root has what is below no shared table.
struct AuditScope {
  /// The table, as it was reached first.
  let table: TableVisit
  var lists: [AuditRule: FindingList] = [:]
  /// Entries that are not present and lead beyond the memory of the image.
  var uncertain = FindingList()
  /// Tables that are used at several levels, which are loops below themselves.
  var loops: [AuditFinding] = []
  /// The ways from here to other shared tables.
  var uses: [Use] = []

  /// One way to a shared table.
  struct Use {
    let scope: Int
    let table: TableVisit
  }

  /// So many entries of tables that may be loops are looked at in one scope.
  private static let loopLimit = 1 << 17

  init(_ table: TableVisit) { self.table = table }

  mutating func add(_ finding: AuditFinding) {
    lists[finding.rule, default: FindingList()].add(finding)
  }

  mutating func addLoop(_ finding: AuditFinding) {
    let last = loops.count - 1
    if last >= 0, loops[last].physicalAddress == finding.physicalAddress,
      loops[last].append(finding)
    {
      return
    }
    if loops.count < Self.loopLimit {
      loops.append(finding)
    } else {
      lists[.loop, default: FindingList()].drop(1)
    }
  }

  /// Takes in what is below `child`, moved to where `use` leads.
  mutating func add(_ child: AuditScope, at use: Use) {
    let distance = use.table.linearAddress &- child.table.linearAddress
    let (old, new) = (child.table.inherited, use.table.inherited)
    func move(_ finding: inout AuditFinding) {
      finding.linearAddress &+= distance
      // Which entry above the table takes the right away is another one on another way.
      switch finding.restriction {
      case .write where finding.entry == old.writeRestriction: finding.entry = new.writeRestriction
      case .user where finding.entry == old.userRestriction: finding.entry = new.userRestriction
      case .fetch where finding.entry == old.fetchRestriction: finding.entry = new.fetchRestriction
      default: break
      }
    }
    for (rule, list) in child.lists { lists[rule, default: FindingList()].add(list, move) }
    for var loop in child.loops {
      move(&loop)
      addLoop(loop)
    }
  }

  /// Brings the findings into order once everything below the table is in.
  ///
  /// An entry below the table that leads to it is a loop.
  mutating func finish() {
    for loop in loops where loop.physicalAddress == table.address { add(loop) }
    loops.removeAll { $0.physicalAddress == table.address }
    for rule in lists.keys { lists[rule]?.join() }
  }
}
