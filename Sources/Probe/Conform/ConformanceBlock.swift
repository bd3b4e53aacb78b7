// ConformanceBlock: a matrix in one processor mode with one access. The unit of work and of shards.

import MMU

/// All pairs of a matrix, used in one way.
struct ConformanceBlock: Sendable {
  /// The position in the profile's order, from 0 on.
  let index: Int
  /// The position of the matrix in the profile.
  let matrix: Int
  let settings: ProcessorSettings
  let privilege: PrivilegeLevel
  let loop: AgentBatch.Loop
  /// A supervisor read of the address comes first, whatever comes of it.
  let isPrecededByRead: Bool

  /// What the access is to the model.
  var kind: AccessKind {
    switch loop {
    case .read: .read
    case .write, .lockedOr: .write
    case .fetch: .fetch
    }
  }
}

/// Which pairs of a block are run.
enum ConformanceSelection: Sendable {
  case everything
  /// A deterministic sample.
  case sample(oneIn: UInt64)
  case pair(upper: Int, lower: Int)
}

/// Which cases a run of `kvmpt conform` covers.
public enum ConformanceProfile: String, CaseIterable, Sendable {
  /// A covering sample.
  case quick
  /// The space of kvm-unit-tests' `access`.
  case access
  /// Everything that this machine can do.
  case full
}

/// The matrices and blocks of a profile.
struct ConformancePlan: Sendable {
  let profile: ConformanceProfile
  let matrices: [ConformanceMatrix]
  let blocks: [ConformanceBlock]
  /// Cases that the machine cannot run, by what it lacks.
  let notRun: [NotRunReason: Int]

  /// The plan for a machine; the order of blocks depends on nothing but profile and features.
  init(_ profile: ConformanceProfile, for machine: MachineProfile) {
    self.profile = profile
    let width = machine.physicalAddressWidth
    switch profile {
    case .access:
      matrices = ConformanceMatrix.access(addressWidth: width)
      blocks = Self.accessBlocks(matrixCount: matrices.count)
      notRun = [:]
    case .quick, .full:
      let four = ConformanceMatrix.full(rootLevel: .pageMapLevel4, addressWidth: width)
      let five = ConformanceMatrix.full(rootLevel: .pageMapLevel5, addressWidth: width)
      let hasFive = machine.features.contains(.fiveLevelPaging)
      matrices = hasFive ? four + five : four
      let settings = Self.settings(for: machine.features)
      blocks = Self.fullBlocks(matrixCount: matrices.count, settings)
      var missing: [NotRunReason: Int] = [:]
      let accessCount = Self.accesses.count
      func cases(_ matrices: [ConformanceMatrix], _ settings: [ProcessorSettings]) -> Int {
        matrices.reduce(0) { $0 + $1.upper.count * $1.lower.count } * settings.count * accessCount
      }
      if !hasFive { missing[.no5LevelPaging] = cases(five, settings) }
      let everything = Self.settings(for: Set(MachineFeature.allCases))
      for (feature, reason) in [
        (MachineFeature.protectionKeys, NotRunReason.noProtectionKeys), (.smep, .noSMEP),
        (.smap, .noSMAP),
      ] where !machine.features.contains(feature) {
        var without = Set(MachineFeature.allCases)
        without.remove(feature)
        missing[reason] = cases(four, everything) - cases(four, Self.settings(for: without))
      }
      notRun = missing
    }
  }

  /// Read, write and fetch at CPL 0 and 3, each also after a supervisor read; NXE and WP both ways.
  private static func accessBlocks(matrixCount: Int) -> [ConformanceBlock] {
    var blocks: [ConformanceBlock] = []
    for matrix in 0..<matrixCount {
      for mode in 0..<4 {
        var settings = ProcessorSettings()
        settings.isNoExecuteEnabled = mode & 1 != 0
        settings.isWriteProtectEnabled = mode & 2 != 0
        for privilege in PrivilegeLevel.allCases {
          for loop in [AgentBatch.Loop.read, .write, .fetch] {
            for isPrecededByRead in [false, true] {
              blocks.append(
                ConformanceBlock(
                  index: blocks.count, matrix: matrix, settings: settings, privilege: privilege,
                  loop: loop, isPrecededByRead: isPrecededByRead))
            }
          }
        }
      }
    }
    return blocks
  }

  private static let accesses: [(PrivilegeLevel, AgentBatch.Loop)] = PrivilegeLevel.allCases
    .flatMap { privilege in
      [AgentBatch.Loop.read, .write, .fetch, .lockedOr].map { (privilege, $0) }
    }

  private static func fullBlocks(
    matrixCount: Int, _ settings: [ProcessorSettings]
  ) -> [ConformanceBlock] {
    var blocks: [ConformanceBlock] = []
    for matrix in 0..<matrixCount {
      for settings in settings {
        for (privilege, loop) in accesses {
          blocks.append(
            ConformanceBlock(
              index: blocks.count, matrix: matrix, settings: settings, privilege: privilege,
              loop: loop, isPrecededByRead: false))
        }
      }
    }
    return blocks
  }

  /// NXE, WP, SMEP, and SMAP with AC both ways; protection keys with the rights of each key bit.
  private static func settings(for features: Set<MachineFeature>) -> [ProcessorSettings] {
    var all: [ProcessorSettings] = []
    for mode in 0..<4 {
      for isSMEPEnabled in features.contains(.smep) ? [false, true] : [false] {
        for smap in features.contains(.smap) ? 0..<3 : 0..<1 {
          var settings = ProcessorSettings()
          settings.isNoExecuteEnabled = mode & 1 != 0
          settings.isWriteProtectEnabled = mode & 2 != 0
          settings.isSMEPEnabled = isSMEPEnabled
          settings.isSMAPEnabled = smap > 0
          settings.isAlignmentCheckFlagSet = smap > 1
          all.append(settings)
          guard features.contains(.protectionKeys), !isSMEPEnabled, smap == 0 else { continue }
          // The leaves carry the keys 1, 2, 4 and 8 by their single bits 59 to 62.
          for rights: UInt32 in 1...3 {
            settings.isPKEEnabled = true
            settings.pkru = rights << 2 | rights << 4 | rights << 8 | rights << 16
            all.append(settings)
          }
        }
      }
    }
    return all
  }
}
