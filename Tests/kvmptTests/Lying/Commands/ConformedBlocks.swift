// ConformedBlocks: some blocks of conform's full profile, few enough to be run once for each lie.

import MMU

@testable import Probe

/// The blocks in which lies are told to conform.
struct ConformedBlocks {
  /// Which blocks.
  enum Choice: Sendable {
    /// One of each kind of matrix for each plain access at each privilege, in a sample of cases.
    case matrices
    /// All accesses to one page, in blocks between which the host writes the tables.
    case onePage
    /// The short sequences.
    case sequences

    init(_ command: LieCommand, _ lie: MachineLie?) {
      switch lie {
      case _ where command == .sequences: self = .sequences
      case .hostEdit: self = .onePage
      default: self = .matrices
      }
    }
  }

  let choice: Choice
  let setting: LieSetting

  /// Accesses by loops that no lie is about.
  private static let others = ["locked write", "push", "call", "pop"]

  /// What conform reports about these blocks, all others being finished.
  func report(_ factory: any MachineFactory) throws -> ConformanceReport {
    let conformance = Conformance(factory)
    let machine = try setting.profile ?? conformance.machineProfile()
    let plan = try conformance.plan(.full, machine)
    let chosen = plan.blocks.filter(isCandidate(in: plan))
    var options = ConformanceOptions()
    options.profile = .full
    options.workerCount = 1
    options.selection = selection(in: plan)
    options.finished = ConformanceReport(
      profile: .full, shard: .whole, machine: machine,
      finished: Set(plan.blocks.indices).subtracting(firstOfEachKind(chosen, in: plan)),
      total: ConformanceTally(), profileBlockCount: plan.blocks.count,
      evidence: ConformanceEvidence(), notRun: plan.notRun, time: .zero)
    return try conformance.run(options, on: machine)
  }

  private func selection(in plan: ConformancePlan) -> ConformanceSelection {
    switch choice {
    case .matrices: return .sample(oneIn: 16)
    case .sequences: return .everything
    case .onePage:
      let matrix = plan.matrices.first(where: isOfPages)
      // P, R/W and U/S, and a table's entry that allows all; A is clear in both.
      let upper = matrix.flatMap { $0.upper.firstIndex { $0.bits == 7 } }
      let lower = matrix.flatMap { $0.lower.firstIndex { $0.bits == 7 } }
      return .pair(upper: upper ?? 0, lower: lower ?? 0)
    }
  }

  private func isOfPages(_ matrix: ConformanceMatrix) -> Bool {
    matrix.upperLevel == .pageDirectory && matrix.hasLeaves && matrix.target == .memory
  }

  private func isCandidate(in plan: ConformancePlan) -> (ConformanceBlock) -> Bool {
    let level = plan.matrices.map(\.rootLevel).max() ?? .pageMapLevel4
    return { block in
      switch block.work {
      case .sequence(let position):
        let sequence = plan.sequences[position]
        return choice == .sequences && sequence.space.rootLevel == level
          && sequence.steps.count <= 12 && !Self.others.contains { sequence.name.contains($0) }
      case .matrix(let work):
        let matrix = plan.matrices[work.matrix]
        guard choice != .sequences, work.settings == ProcessorSettings(), !work.isPrecededByRead,
          [.read, .write, .fetch].contains(work.access), matrix.rootLevel == level
        else { return false }
        return switch choice {
        case .matrices, .sequences: true
        case .onePage: isOfPages(matrix)
        }
      }
    }
  }

  private func firstOfEachKind(
    _ blocks: [ConformanceBlock], in plan: ConformancePlan
  ) -> Set<Int> {
    var seen: Set<[String]> = []
    return Set(
      blocks.filter { block in
        switch block.work {
        case .sequence(let position): seen.insert([plan.sequences[position].name]).inserted
        case .matrix(let work):
          seen.insert([
            "\(plan.matrices[work.matrix].upperLevel)", "\(plan.matrices[work.matrix].target)",
            "\(plan.matrices[work.matrix].hasLeaves)", "\(work.access)", "\(work.privilege)",
          ]).inserted
        }
      }.map(\.index))
  }
}
