// PageTables+Trial: a cure is tried on a copy before anybody hears of it.

/// What a cure is for.
enum CureGoal: Hashable, Sendable {
  /// The access succeeds, at this byte where one is given.
  case succeeds(at: GuestPhysicalAddress?)
  /// The access faults.
  case faults
}

extension PageTables {
  /// Tries `proposal`: nil unless the access then comes out as `goal` says and nothing is harmed.
  ///
  /// Harm is any other page that is lost, moved or loses a right, that gets a right which its own
  /// entry does not give, a table that becomes a user's page, and an entry that is reached in more
  /// ways than can be looked at. Nothing is written: the changes lie over the memory.
  static func tried<Memory: PhysicalMemory & ~Copyable>(
    _ proposal: ProposedCure, for question: AccessQuestion, goal: CureGoal,
    in memory: borrowing Memory, _ uses: TableUses
  ) -> Cure? {
    let changed = proposal.applied(to: question)
    let changes = proposal.changes.filter { $0.newValue != $0.step.entry.rawValue }
    guard changes.count == proposal.changes.count,
      !(changes.isEmpty && proposal.processorChanges.isEmpty)
    else { return nil }
    let opened = MemoryOverlay.with([], over: memory) { old in
      MemoryOverlay.with(changes, over: old) { new -> (GuestPhysicalAddress?, Bool, UInt64)? in
        var arrival: GuestPhysicalAddress?
        var isConfirmed = true
        switch (changed.outcome(in: new), goal) {
        case (.success(let address), .succeeds(let wanted)):
          guard wanted == nil || wanted == address else { return nil }
          arrival = address
          isConfirmed = wanted != nil || proposal.keepsTables
        case (.pageFault, .faults): break
        default: return nil
        }
        var comparison = MappingComparison(
          uses, configuration: question.tables.configuration, address: question.address)
        for change in changes { comparison.compare(change, old, new) }
        return comparison.isHarmful
          ? nil : (arrival, isConfirmed, comparison.openedPageCount)
      }
    }
    guard let opened else { return nil }
    return Cure(
      changes: changes, processorChanges: proposal.processorChanges, physicalAddress: opened.0,
      isPageConfirmed: opened.1, openedPageCount: opened.2)
  }
}

extension AccessQuestion {
  /// `changes`, when they let the access reach `address` and harm nothing; otherwise nil.
  public func cure<Memory: PhysicalMemory & ~Copyable>(
    changing changes: [EntryChange], arrivingAt address: GuestPhysicalAddress?,
    in memory: borrowing Memory, _ uses: TableUses
  ) -> Cure? {
    PageTables.tried(
      ProposedCure(changes: changes), for: self, goal: .succeeds(at: address), in: memory, uses)
  }

  /// `changes`, when they let the access fault and harm nothing; otherwise nil.
  public func cureThatFaults<Memory: PhysicalMemory & ~Copyable>(
    changing changes: [EntryChange], in memory: borrowing Memory, _ uses: TableUses
  ) -> Cure? {
    PageTables.tried(
      ProposedCure(changes: changes), for: self, goal: .faults, in: memory, uses)
  }
}
