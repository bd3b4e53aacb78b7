// The rules about one page.

extension Auditor {
  /// Applies the rules about one page alone, which `entry` at `place` maps.
  mutating func check(_ page: MappedRun, _ place: EntryReference, _ entry: PageTableEntry) {
    let allowed = rights[page]
    let isAllOnes = entry.rawValue == .max
    func found(_ rule: AuditRule, _ entry: EntryReference?) -> AuditFinding {
      var finding = finding(rule, page.linearAddress, page.byteCount, page.physicalAddress, entry)
      finding.isAllOnes = isAllOnes
      return finding
    }
    if allowed.isWritableAndExecutable { add(found(.writableAndExecutable, place)) }
    if allowed.contains(.userWrite) && page.linearAddress >> 63 != 0 {
      add(found(.userWritableSupervisorData, place))
    }
    if !page.isWritable && allowed.contains(.supervisorWrite) {
      add(found(.writeProtectOff, place))
    }
    if page.isRestrictedByParent { add(restricted(found(.parentRestrictsLeaf, nil), page)) }
    if page.dirtyCount > 0 {
      if page.accessedCount == 0 { add(found(.dirtyWithoutAccessed, place)) }
      if conditions.isCETEnabled && Self.isShadowStack(page) {
        add(found(.possibleShadowStack, place))
      } else if !allowed.isWritable {
        add(found(.dirtyReadOnly, place))
      }
    }
    keep(page, place, isAllOnes: isAllOnes)
  }

  /// R/W is clear in the leaf and set above it, and D is set.
  ///
  /// Source: Intel SDM volume 3A, section 5.6.1 (shadow-stack pages).
  private static func isShadowStack(_ page: MappedRun) -> Bool {
    !page.leaf.isWritable && page.inherited.writeRestriction == nil && page.dirtyCount > 0
  }

  /// The finding with the entry that takes the first right away: write, then CPL 3, then fetch.
  private func restricted(_ finding: AuditFinding, _ page: MappedRun) -> AuditFinding {
    var finding = finding
    let inherited = page.inherited
    if page.leaf.isWritable, let entry = inherited.writeRestriction {
      (finding.entry, finding.restriction) = (entry, .write)
    } else if page.leaf.isUserAccessible, let entry = inherited.userRestriction {
      (finding.entry, finding.restriction) = (entry, .user)
    } else {
      (finding.entry, finding.restriction) = (inherited.fetchRestriction, .fetch)
    }
    return finding
  }
}
