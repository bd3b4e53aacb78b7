// A model that lacks one rule is caught by the matrix, for every rule that the machine can show.

import MMU
import TestHosts
import Testing

@testable import Probe

@Suite(
  "The matrix notices every rule that the model lacks",
  .enabled(if: Host.hasKVM, "needs /dev/kvm"))
struct ConformanceMutationTests {
  private enum Found {
    case pair(ConformanceBlock, MatrixBlock, upper: Int, lower: Int)
    case sequence(ConformanceBlock)
  }

  @Test("every rule that this machine can show is noticed when the model lacks it")
  func everyRuleIsNoticed() throws {
    let factory = try KVMMachineFactory()
    let conformance = Conformance(factory)
    let machine = try conformance.machineProfile()
    let plan = try conformance.plan(.full, machine)
    let bench = try ConformanceBench(plan.matrices, rootLevel: .pageMapLevel4, factory: factory)
    let worker = ConformanceWorker(
      plan, machine, factory, ContinuousClock.now + .seconds(600), .everything)
    var noticed: [ArchitectureRule] = []
    var unnoticed: [String] = []
    let hasFiveLevels = machine.features.contains(.fiveLevelPaging)
    for rule in ArchitectureRule.allCases {
      if !hasFiveLevels && rule.id.hasSuffix("pml5e") {
        unnoticed.append(rule.id)
        continue
      }
      // The machine sides with the whole model, so that the model without the rule is caught.
      switch Self.difference(without: rule, plan, bench, machine) {
      case .pair(let block, let work, let upper, let lower):
        var run = try #require(
          ConformanceBlockRun(
            block.index, work, matrix: plan.matrices[work.matrix], on: bench, machine: machine,
            selection: .pair(upper: upper, lower: lower),
            deadline: ContinuousClock.now + .seconds(300)))
        try run.run()
        #expect(
          run.result.tally.agreedCount == 1 && run.result.tally.caseCount == 1, "\(rule.id)")
      case .sequence(let block):
        let result = try worker.run(block)
        #expect(result.tally.agreedCount == result.tally.caseCount, "\(rule.id)")
      case nil:
        unnoticed.append(rule.id)
        continue
      }
      noticed.append(rule)
    }
    print("rules: \(noticed.count) noticed, \(unnoticed.count) not on this machine: \(unnoticed)")
    #expect(noticed.count >= 40)
  }

  /// Blocks that show every rule between them; the others are repetitions to the model.
  private static func isTelling(_ work: MatrixBlock) -> Bool {
    let settings = work.settings
    let isPlain = !settings.isSMEPEnabled && !settings.isSMAPEnabled
    let isUsual = settings.isNoExecuteEnabled && settings.isWriteProtectEnabled
    let isFetchWithSMEP = settings.isSMEPEnabled && !settings.isSMAPEnabled
    return [.read, .write, .fetch, .descriptor].contains(work.access)
      && (isPlain || isUsual || isFetchWithSMEP)
  }

  /// The first case for which the model predicts something else without `rule`.
  private static func difference(
    without rule: ArchitectureRule, _ plan: ConformancePlan, _ bench: ConformanceBench,
    _ machine: MachineProfile
  ) -> Found? {
    for block in plan.blocks {
      switch block.work {
      case .matrix(let work):
        // Each single bit stands alone in one upper or lower entry; the other allows everything.
        let matrix = plan.matrices[work.matrix]
        guard matrix.legality == .everything, isTelling(work),
          let configuration = machine.configuration(
            for: work.settings, rootLevel: matrix.rootLevel)
        else { continue }
        let openUpper = matrix.upper.firstIndex { $0.bits & 7 == 7 && $0.bits >> 63 == 0 } ?? 0
        let openLower = matrix.lower.firstIndex { $0.bits & 7 == 7 && $0.bits >> 63 == 0 } ?? 0
        let pairs =
          matrix.upper.indices.map { ($0, openLower) }
          + matrix.lower.indices.map { (openUpper, $0) }
        for (upper, lower) in pairs {
          let page = matrix.linearAddress(upper: upper, lower: lower)
          let address = page | work.access.offset(writeSlot: 0)
          if differs(
            at: address, bench.tables.root, configuration, work.access.access,
            work.settings.mode(at: work.privilege), in: bench.memory, without: rule)
          {
            return .pair(block, work, upper: upper, lower: lower)
          }
        }
      case .sequence(let position):
        let sequence = plan.sequences[position]
        guard sequence.name.hasPrefix("addresses that are not canonical"),
          let configuration = machine.configuration(
            for: sequence.settings, rootLevel: sequence.space.rootLevel)
        else { continue }
        let memory = SnapshotMemory(words: sequence.space.allWords, memory: bench.memory)
        for step in sequence.steps {
          guard case .access(let access, let privilege, let addresses, _) = step else { continue }
          let isShown = addresses.contains { address in
            differs(
              at: address, sequence.space.root, configuration, access.access,
              sequence.settings.mode(at: privilege), in: memory, without: rule)
          }
          if isShown { return .sequence(block) }
        }
      }
    }
    return nil
  }

  private static func differs(
    at address: UInt64, _ root: UInt64, _ configuration: PagingConfiguration, _ access: Access,
    _ mode: CPUMode, in memory: some PhysicalMemory, without rule: ArchitectureRule
  ) -> Bool {
    let rules = EveryRuleExcept(rule)
    let whole = Walk(address, cr3: root, configuration: configuration, in: memory)
    let part = Walk(address, cr3: root, configuration: configuration, in: memory, under: rules)
    let expected = whole.predict(access, mode: mode, configuration: configuration)
    let mutated = part.predict(access, mode: mode, configuration: configuration, under: rules)
    return expected.outcome != mutated.outcome
      || expected.mustSetAccessed != mutated.mustSetAccessed
      || expected.mustSetDirty != mutated.mustSetDirty
  }
}
