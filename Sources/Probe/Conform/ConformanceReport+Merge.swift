// Merging the reports of shards.

/// Why reports do not belong together.
public enum ConformanceMergeError: Error, Hashable, Sendable {
  /// There is nothing to merge.
  case nothing
  /// They are about different spaces of cases.
  case differentProfiles
  /// They are about machines that do not have the same features, or not the same name.
  case differentMachines
  /// A block is in two of them.
  case contradiction(block: Int)

  /// The stable name of the case.
  public var id: String {
    switch self {
    case .nothing: "nothing-to-merge"
    case .differentProfiles: "different-profiles"
    case .differentMachines: "different-machines"
    case .contradiction: "contradiction"
    }
  }

  /// What is wrong.
  public var message: String {
    switch self {
    case .nothing: "there are no reports to merge"
    case .differentProfiles: "the reports are about different profiles"
    case .differentMachines: "the reports are about machines that differ"
    case .contradiction(let block): "block \(block) is in several reports"
    }
  }

  /// What to do about it.
  public var hint: String {
    switch self {
    case .nothing: "name the files that kvmpt conform --format json wrote"
    case .differentProfiles: "merge reports of one profile at a time"
    case .differentMachines: "run all shards on machines with the same walker and features"
    case .contradiction: "give each shard once, and shards of one count only"
    }
  }
}

extension ConformanceReport {
  /// One report of several that are about disjoint blocks of the same cases.
  ///
  /// Throws: ``ConformanceMergeError`` when they do not belong together.
  public static func merged(
    _ reports: [ConformanceReport]
  ) throws(ConformanceMergeError) -> ConformanceReport {
    guard var result = reports.first else { throw .nothing }
    for report in reports.dropFirst() {
      guard
        report.profile == result.profile, report.profileBlockCount == result.profileBlockCount
      else { throw .differentProfiles }
      guard report.machine.isOfTheSameKind(as: result.machine) else { throw .differentMachines }
      if let block = result.finished.intersection(report.finished).min() {
        throw .contradiction(block: block)
      }
      result.finished.formUnion(report.finished)
      result.total.merge(report.total)
      result.evidence.merge(report.evidence)
      result.time += report.time
      result.shard = .whole
    }
    return result
  }
}

extension MachineProfile {
  /// True when the same cases can be run on both machines, in the same order.
  public func isOfTheSameKind(as other: MachineProfile) -> Bool {
    identity.name == other.identity.name && identity.walker == other.identity.walker
      && vendor == other.vendor && physicalAddressWidth == other.physicalAddressWidth
      && features == other.features
  }
}
