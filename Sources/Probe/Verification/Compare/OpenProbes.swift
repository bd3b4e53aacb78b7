// OpenProbes: what one machine left unproved and another kind of machine may prove.

/// Probes that do not count yet, because another machine is asked about them.
struct OpenProbes: Sendable {
  /// What the first machine said, in case no other can be asked.
  var tallies = TallyTable()
  /// Those that killed the first machine's guest.
  var lost: [ProbeVerdict] = []
  /// The pages in the order of the plan, each with the manners that are open.
  var pages: [ProbePage] = []

  /// So many pages, neighbours counted once, are kept; what is open beyond them stays unproved.
  static let pageLimit = 1 << 22

  /// True while more pages can be kept.
  var hasRoom: Bool { pages.count < Self.pageLimit }

  /// Keeps a page, as one with those before it where all are asked about alike.
  mutating func append(_ page: ProbePage) {
    if let last = pages.last?.joined(with: page) {
      pages[pages.count - 1] = last
    } else {
      pages.append(page)
    }
  }

  mutating func merge(_ other: OpenProbes) {
    tallies.merge(other.tallies)
    lost += other.lost.prefix(VerdictCollector.keptCount - lost.count)
    pages += other.pages
  }
}

extension ProbeVerdict {
  /// True when nothing disagrees, and the machine's answer is missing or proves nothing, while
  /// another machine's may be there and may.
  var isOpen: Bool {
    guard disagreements.isEmpty else { return false }
    switch executed {
    case .notRun(let reason): return reason.dependsOnMachine
    case .lost: return true
    case .success, .pageFault, .exception: return deviation != nil
    }
  }
}

extension NotRunReason {
  /// True when a machine of another kind might make the probe.
  var dependsOnMachine: Bool {
    switch self {
    case .no1GiBPages, .no5LevelPaging, .noProtectionKeys, .noSupervisorProtectionKeys, .noPCID,
      .noDescriptorReads, .noSMEP, .noSMAP, .noNoExecute, .noSuchPhysicalAddress,
      .unobservableAddress, .reachesAgent, .noFreeRootEntry, .noRoomForAgent:
      true
    case .beyondPlan, .fetchWithoutMemory, .fetchFromFullTable, .noUnrestrictedKey, .timeLimit,
      .interrupted, .noMachine:
      false
    }
  }
}
