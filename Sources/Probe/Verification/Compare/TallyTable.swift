// TallyTable: the tallies of many subjects, of which most are equal and stored once.

extension [ProbeSubject: SubjectTally] {
  /// The sum over all subjects.
  var sum: SubjectTally {
    var sum = SubjectTally()
    for tally in values { sum.merge(tally) }
    return sum
  }
}

/// The tallies by subject.
///
/// A space of many mappings has as many tallies, and few that differ: those that have not changed
/// for a while share their counts, so that a subject takes tens of bytes and not a thousand.
struct TallyTable: Sendable {
  private(set) var tallies: [ProbeSubject: SubjectTally] = [:]
  /// The subjects whose tallies have counts of their own.
  private var unshared: [ProbeSubject] = []
  /// The counts that tallies share.
  private var known: Set<SubjectTally> = []

  /// So many tallies have counts of their own before they are looked through for equal ones.
  private static let unsharedLimit = 1024
  /// So many different counts are remembered.
  private static let knownLimit = 4096

  subscript(subject: ProbeSubject) -> SubjectTally? { tallies[subject] }

  /// Changes the tally of a subject, which begins empty.
  mutating func change(_ subject: ProbeSubject, _ change: (inout SubjectTally) -> Void) {
    let wasShared = Self.change(&tallies[subject, default: SubjectTally()], change)
    guard wasShared else { return }
    unshared.append(subject)
    if unshared.count >= Self.unsharedLimit { share() }
  }

  private static func change(
    _ tally: inout SubjectTally, _ change: (inout SubjectTally) -> Void
  ) -> Bool {
    let isUnique = tally.isUnique()
    change(&tally)
    return !isUnique
  }

  /// Adds the tallies of others.
  mutating func merge(_ other: TallyTable) {
    for (subject, tally) in other.tallies {
      tallies[subject, default: SubjectTally()].merge(tally)
    }
  }

  /// Lets equal tallies share their counts.
  private mutating func share() {
    if known.count > Self.knownLimit { known = [] }
    for subject in unshared {
      guard let tally = tallies[subject] else { continue }
      tallies[subject] = known.insert(tally).memberAfterInsert
    }
    unshared.removeAll(keepingCapacity: true)
  }
}
