// Merging the reports of shards.

/// Why reports do not belong together.
public enum ConformanceMergeError: Error, Hashable, Sendable {
  /// There is nothing to merge.
  case nothing
  /// They are about different spaces of cases.
  case differentProfiles
  /// They are about machines that do not have the same features, or not the same name.
  case differentMachines
  /// They are shares of different sizes.
  case differentShares
  /// They do not lack the same cases.
  case differentLacks
  /// A block is in two of them.
  case contradiction(block: Int)

  /// The stable name of the case.
  public var id: String {
    switch self {
    case .nothing: "nothing-to-merge"
    case .differentProfiles: "different-profiles"
    case .differentMachines: "different-machines"
    case .differentShares: "different-shares"
    case .differentLacks: "different-lacks"
    case .contradiction: "contradiction"
    }
  }

  /// What is wrong.
  public var message: String {
    switch self {
    case .nothing: "there are no reports to merge"
    case .differentProfiles: "the reports are about different profiles"
    case .differentMachines: "the reports are about machines that differ"
    case .differentShares: "the reports are about shares of different sizes"
    case .differentLacks: "the machines of the reports do not lack the same cases"
    case .contradiction(let block): "block \(block) is in several reports"
    }
  }

  /// What to do about it.
  public var hint: String {
    switch self {
    case .nothing: "name the files that kvmpt conform --format json wrote"
    case .differentProfiles: "merge reports of one profile at a time"
    case .differentMachines: "run all shards on machines with the same walker and features"
    case .differentShares: "give the shards of one count, such as 1/8 to 8/8"
    case .differentLacks: "run all shards on machines of one kind"
    case .contradiction: "give each shard once, and shards of one count only"
    }
  }
}

extension ConformanceReport {
  /// One report of several that are about disjoint blocks of the same cases.
  ///
  /// - Throws: ``ConformanceMergeError`` when they do not belong together.
  public static func merged(
    _ reports: [ConformanceReport]
  ) throws(ConformanceMergeError) -> ConformanceReport {
    guard var result = reports.first else { throw .nothing }
    let share = result.shard
    // What is missing of the whole is missing, also where there is one report only.
    result.shard = .whole
    for report in reports.dropFirst() {
      guard
        report.profile == result.profile, report.profileBlockCount == result.profileBlockCount
      else { throw .differentProfiles }
      guard report.machine.isOfTheSameKind(as: result.machine) else { throw .differentMachines }
      guard report.shard.count == share.count else { throw .differentShares }
      guard report.notRun == result.notRun else { throw .differentLacks }
      if let block = result.finished.intersection(report.finished).min() {
        throw .contradiction(block: block)
      }
      result.machine.noteResults(of: report.machine.identity)
      result.finished.formUnion(report.finished)
      result.total.merge(report.total)
      result.evidence.merge(report.evidence)
      result.time = result.time.clampedSum(report.time)
    }
    return result
  }
}

extension MachineProfile {
  /// True when the same cases can be run on both machines, in the same order.
  public func isOfTheSameKind(as other: MachineProfile) -> Bool {
    identity.name == other.identity.name && identity.walker == other.identity.walker
      && identity.hostProcessor == other.identity.hostProcessor
      && vendor == other.vendor && physicalAddressWidth == other.physicalAddressWidth
      && features == other.features
  }
}
