// ConformanceSequence: accesses that belong together, with changes of tables and registers between.

import MMU

/// A space, and what is done with it step by step.
struct ConformanceSequence: Sendable {
  /// Which translations a processor may use that has seen several states of the tables.
  enum Freshness: Sendable {
    /// Those of the tables as they are.
    case current
    /// Those of the tables as they are, or as they were at some time since the sequence began.
    ///
    /// Source: Intel SDM volume 3A, section 5.10.4.2 (recommended invalidation).
    case currentOrStale
  }

  /// One step.
  enum Step: Sendable {
    /// The same access at each of the addresses.
    case access(ConformanceAccess, PrivilegeLevel, [UInt64], Freshness)
    /// The guest writes a word of a table, given by its physical address.
    case store(UInt64, UInt64)
    /// INVLPG of each of the addresses.
    case invalidate([UInt64])
    /// MOV to CR3 of what it holds.
    case reloadCR3
    /// MOV to CR4 that turns PGE off, and on again.
    case toggleGlobalPages
    /// MOV to CR0 with WP set, or clear.
    case setWriteProtect(Bool)
    /// IA32_EFER.NXE and CR4.SMEP, which the host sets.
    case set(ProcessorSettings)
  }

  let name: String
  let space: SequenceSpace
  var settings = ProcessorSettings()
  var steps: [Step] = []
  /// The sequence shows a rule that no matrix shows, so that a sample without it would cover less.
  var isInEverySample = false

  /// The number of single accesses.
  var caseCount: Int {
    steps.reduce(0) { count, step in
      guard case .access(_, _, let addresses, _) = step else { return count }
      return count + addresses.count
    }
  }

  /// What sequences about PCID would be; no machine that kvmpt was tried on has it.
  static let processContextCaseCount = 12

  /// All sequences for tables with `rootLevel` on a machine with `features`.
  static func all(
    rootLevel: Level, addressWidth: UInt8, features: Set<MachineFeature>
  ) -> [ConformanceSequence] {
    let maker = SequenceMaker(
      rootLevel: rootLevel, addressWidth: addressWidth, features: features)
    return maker.wholeSpace() + maker.specialChecks() + maker.staleTranslations()
      + maker.sharedTables()
  }
}

/// What the makers of sequences need to know.
struct SequenceMaker {
  let rootLevel: Level
  let addressWidth: UInt8
  let features: Set<MachineFeature>

  /// P, R/W, U/S, A and D: a leaf that allows everything, and that nothing has to be written to.
  static let quiet: UInt64 = 0x67

  /// A sequence over a space.
  func sequence(
    _ name: String, _ space: SequenceSpace, _ steps: [ConformanceSequence.Step],
    in settings: ProcessorSettings = ProcessorSettings()
  ) -> ConformanceSequence {
    ConformanceSequence(
      name: rootLevel == .pageMapLevel5 ? name + ", 5 levels" : name, space: space,
      settings: settings, steps: steps)
  }

  /// A linear address in root entry `root`, sign-extended.
  func address(_ root: Int, _ offset: UInt64 = 0) -> UInt64 {
    let width: LinearAddressWidth = rootLevel == .pageMapLevel5 ? .bits57 : .bits48
    return width.signExtended(UInt64(root) << rootLevel.indexShift + offset)
  }
}
