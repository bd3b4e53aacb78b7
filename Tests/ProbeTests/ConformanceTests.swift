// The access matrix: the machine agrees with the model, and the matrix would notice a wrong model.

import MMU
import Testing

@testable import Probe

@Suite("The access matrix", .enabled(if: Host.hasKVM, "needs /dev/kvm"))
struct ConformanceTests {
  @Test("the access profile has exactly the cases of kvm-unit-tests")
  func accessCount() {
    for (width, count) in [(36, 2_899_968), (48, 1_916_928), (52, 933_888)] as [(UInt8, Int)] {
      var machine = MachineProfile.anyMachine
      machine.physicalAddressWidth = width
      let plan = ConformancePlan(.access, for: machine)
      var cases = 0
      for (index, matrix) in plan.matrices.enumerated() {
        for isNoExecuteEnabled in [false, true] {
          let blockCount = plan.blocks.count {
            $0.matrix == index && $0.settings.isNoExecuteEnabled == isNoExecuteEnabled
          }
          for upper in matrix.upper {
            cases +=
              blockCount
              * matrix.lower.count {
                matrix.isCase(upper: upper, lower: $0, isNoExecuteEnabled: isNoExecuteEnabled)
              }
          }
        }
      }
      #expect(cases == count)
    }
  }

  @Test("the quick profile agrees, and leaves nothing undecided")
  func quickAgrees() throws {
    let report = try Conformance(KVMMachineFactory()).run(ConformanceOptions())
    let total = report.total
    print(
      "conformance, quick: \(total.caseCount) cases, \(total.agreedCount) agree,"
        + " \(total.mismatchCount) differ, in \(report.time)")
    for mismatch in total.mismatches.prefix(5) { Issue.record("\(mismatch)") }
    #expect(report.isComplete)
    #expect(total.caseCount > 30_000)
    #expect(
      total.agreedCount + total.deviations.values.reduce(0, +) + total.mismatchCount
        == total.caseCount)
    #expect(total.mismatchCount == 0)
  }

  @Test("shards make up the whole, and a finished block is not run again")
  func shards() throws {
    var options = ConformanceOptions()
    options.selection = .sample(oneIn: 512)
    let whole = try Conformance(KVMMachineFactory()).run(options)
    var blocks: [Int: ConformanceTally] = [:]
    for number in 1...3 {
      options.shard = try #require(ConformanceShard(number, of: 3))
      let report = try Conformance(KVMMachineFactory()).run(options)
      for (index, tally) in report.blocks {
        #expect(blocks[index] == nil)
        blocks[index] = tally
      }
    }
    #expect(blocks.count == whole.blockCount)
    let cases = blocks.values.reduce(0) { $0 + $1.caseCount }
    #expect(cases == whole.total.caseCount)
    options.shard = .whole
    options.finished = blocks
    let resumed = try Conformance(KVMMachineFactory()).run(options)
    #expect(resumed.isComplete && resumed.total.caseCount == whole.total.caseCount)
  }

  @Test("every rule that this machine can show is noticed when the model lacks it")
  func everyRuleIsNoticed() throws {
    let factory = try KVMMachineFactory()
    let machine = try Conformance(KVMMachineFactory()).machineProfile()
    let plan = ConformancePlan(.full, for: machine)
    let bench = try ConformanceBench(plan.matrices, rootLevel: .pageMapLevel4, factory: factory)
    var noticed: [ArchitectureRule] = []
    var unnoticed: [String] = []
    for rule in ArchitectureRule.allCases {
      guard let found = Self.difference(without: rule, plan, bench, machine) else {
        unnoticed.append(rule.id)
        continue
      }
      var run = try #require(
        ConformanceBlockRun(
          found.block, matrix: plan.matrices[found.block.matrix], on: bench, machine: machine,
          selection: .pair(upper: found.upper, lower: found.lower),
          deadline: ContinuousClock.now + .seconds(10)))
      try run.run()
      // The machine sides with the whole model, so that the model without the rule is caught.
      #expect(run.tally.agreedCount == 1 && run.tally.caseCount == 1, "\(rule.id)")
      noticed.append(rule)
    }
    print("rules: \(noticed.count) noticed, \(unnoticed.count) not on this machine: \(unnoticed)")
    #expect(noticed.count >= 40)
  }

  private struct Found {
    let block: ConformanceBlock
    let upper: Int
    let lower: Int
  }

  /// The first case for which the model predicts something else without `rule`.
  private static func difference(
    without rule: ArchitectureRule, _ plan: ConformancePlan, _ bench: ConformanceBench,
    _ machine: MachineProfile
  ) -> Found? {
    let rules = EveryRuleExcept(rule)
    for block in plan.blocks {
      let matrix = plan.matrices[block.matrix]
      guard
        let configuration = try? PagingConfiguration(
          rootLevel: matrix.rootLevel, physicalAddressWidth: machine.physicalAddressWidth,
          isNoExecuteEnabled: block.settings.isNoExecuteEnabled,
          supports1GiBPages: machine.features.contains(.oneGiBPages), vendor: machine.vendor)
      else { continue }
      let mode = block.settings.mode(at: block.privilege)
      // Each single bit stands alone in one upper or lower entry; the other one allows everything.
      let openUpper = matrix.upper.firstIndex { $0.bits & 7 == 7 && $0.bits >> 63 == 0 } ?? 0
      let openLower = matrix.lower.firstIndex { $0.bits & 7 == 7 && $0.bits >> 63 == 0 } ?? 0
      let pairs =
        matrix.upper.indices.map { ($0, openLower) } + matrix.lower.indices.map { (openUpper, $0) }
      for (upper, lower) in pairs {
        let page = matrix.linearAddress(upper: upper, lower: lower)
        let cr3 = bench.tables.root
        let whole = Walk(page, cr3: cr3, configuration: configuration, in: bench.memory)
        let part = Walk(
          page, cr3: cr3, configuration: configuration, in: bench.memory, under: rules)
        let access = Access(block.kind)
        let expected = whole.predict(access, mode: mode, configuration: configuration)
        let mutated = part.predict(
          access, mode: mode, configuration: configuration, under: rules)
        if expected.outcome != mutated.outcome
          || expected.mustSetAccessed != mutated.mustSetAccessed
          || expected.mustSetDirty != mutated.mustSetDirty
        {
          return Found(block: block, upper: upper, lower: lower)
        }
      }
    }
    return nil
  }
}
