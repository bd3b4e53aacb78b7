// ConformancePlan: the matrices, sequences and blocks of a profile, in their order.

import MMU

/// The matrices, sequences and blocks of a profile on one machine.
///
/// The order of blocks depends on nothing but the profile and what the machine has, so that shards
/// that run on different machines of one kind fit together.
struct ConformancePlan: Sendable {
  let profile: ConformanceProfile
  let matrices: [ConformanceMatrix]
  let sequences: [ConformanceSequence]
  let blocks: [ConformanceBlock]
  /// Cases that the machine cannot run, by what it lacks.
  private(set) var notRun: [NotRunReason: Int]

  /// The plan for a machine.
  init(
    _ profile: ConformanceProfile, for machine: MachineProfile, readsDescriptors: Bool = true
  ) {
    let width = machine.physicalAddressWidth
    let whole = PlanContents(
      profile, features: machine.features, width: width, readsDescriptors: readsDescriptors)
    self.profile = profile
    matrices = whole.matrices
    sequences = whole.sequences
    blocks = whole.blocks
    notRun = [:]
    // What each missing feature costs, one after the other, so that no case counts twice.
    var features = Set(MachineFeature.allCases)
    var more = PlanContents(profile, features: features, width: width, readsDescriptors: true)
    for feature in Self.optionalFeatures where !machine.features.contains(feature) {
      guard let reason = feature.reasonWithout else { continue }
      features.remove(feature)
      let less = PlanContents(profile, features: features, width: width, readsDescriptors: true)
      if more.caseCount > less.caseCount { notRun[reason] = more.caseCount - less.caseCount }
      more = less
    }
    if !readsDescriptors {
      let less = PlanContents(profile, features: features, width: width, readsDescriptors: false)
      if more.caseCount > less.caseCount {
        notRun[.noDescriptorReads] = more.caseCount - less.caseCount
      }
    }
    if profile != .access { notRun[.noPCID] = ConformanceSequence.processContextCaseCount }
  }

  /// What a machine may lack, in the order in which cases are counted for it.
  private static let optionalFeatures: [MachineFeature] = [
    .fiveLevelPaging, .oneGiBPages, .protectionKeys, .supervisorProtectionKeys, .smep, .smap,
  ]

  /// All cases of the blocks.
  var caseCount: Int { blocks.reduce(0) { $0 + $1.caseCount } }
}

/// What a profile holds for a set of features.
private struct PlanContents {
  private(set) var matrices: [ConformanceMatrix] = []
  private(set) var sequences: [ConformanceSequence] = []
  private(set) var blocks: [ConformanceBlock] = []
  /// The cases that count for the features, without those that show a lack.
  private(set) var caseCount = 0

  init(
    _ profile: ConformanceProfile, features: Set<MachineFeature>, width: UInt8,
    readsDescriptors: Bool
  ) {
    let levels: [Level] =
      features.contains(.fiveLevelPaging) ? [.pageMapLevel4, .pageMapLevel5] : [.pageMapLevel4]
    for rootLevel in levels {
      switch profile {
      case .access:
        matrices += ConformanceMatrix.access(
          rootLevel: rootLevel, addressWidth: width,
          hasKeys: features.contains(.protectionKeys))
      case .quick, .full:
        matrices += ConformanceMatrix.full(
          rootLevel: rootLevel, addressWidth: width, features: features
        ).filter { readsDescriptors || $0.accesses != [.descriptor] }
        sequences += ConformanceSequence.all(
          rootLevel: rootLevel, addressWidth: width, features: features)
      }
    }
    for matrix in matrices.indices { add(matrix, features) }
    for (position, sequence) in sequences.enumerated() {
      blocks.append(
        ConformanceBlock(
          index: blocks.count, work: .sequence(position), caseCount: sequence.caseCount))
      caseCount += sequence.caseCount
    }
  }

  private mutating func add(_ position: Int, _ features: Set<MachineFeature>) {
    let matrix = matrices[position]
    let counts = [false, true].map { matrix.caseCount(isNoExecuteEnabled: $0) }
    let isAccess = matrix.legality == .atMostOneReservedBit
    for settings in matrix.modes.settings(for: features) {
      let count = counts[settings.isNoExecuteEnabled ? 1 : 0]
      for privilege in PrivilegeLevel.allCases {
        for access in matrix.accesses {
          if access == .descriptor && privilege == .supervisor { continue }
          for isPrecededByRead in isAccess ? [false, true] : [false] {
            blocks.append(
              ConformanceBlock(
                index: blocks.count,
                work: .matrix(
                  MatrixBlock(
                    matrix: position, settings: settings, privilege: privilege, access: access,
                    isPrecededByRead: isPrecededByRead)), caseCount: count))
            if !matrix.isForLackOf1GiBPages { caseCount += count }
          }
        }
      }
    }
  }
}
