// The access matrix: the machine agrees with the model, in shards as in one piece.

import MMU
import TestHosts
import Testing

@testable import Probe

@Suite("The access matrix", .enabled(if: Host.hasKVM, "needs /dev/kvm"))
struct ConformanceTests {
  @Test("the access profile has exactly the cases of kvm-unit-tests")
  func accessCount() {
    for (width, count) in [(36, 2_899_968), (48, 1_916_928), (52, 933_888)] as [(UInt8, Int)] {
      var machine = MachineProfile.anyMachine
      machine.physicalAddressWidth = width
      machine.features = [.noExecute, .writeProtect, .smep, .smap, .oneGiBPages]
      let plan = ConformancePlan(.access, for: machine)
      #expect(plan.caseCount == count)
      #expect(plan.notRun == [.no5LevelPaging: 10 * count, .noProtectionKeys: 9 * count])
      machine.features.insert(.protectionKeys)
      #expect(ConformancePlan(.access, for: machine).caseCount == 10 * count)
      machine.features.insert(.fiveLevelPaging)
      #expect(ConformancePlan(.access, for: machine).caseCount == 20 * count)
    }
  }

  @Test("the quick profile agrees or differs by a rule, and leaves nothing undecided")
  func quickAgrees() throws {
    var options = ConformanceOptions()
    options.selection = .sample(oneIn: 2048)
    let report = try Conformance(KVMMachineFactory()).run(options)
    let findings = report.findings
    print(
      "conformance, sample: \(report.total.caseCount) cases, \(report.total.agreedCount) agree,"
        + " \(findings.explainedCount) by \(findings.rules.count) rules, in \(report.time)")
    for difference in findings.unexplained.prefix(5) { Issue.record("\(difference)") }
    #expect(report.isComplete)
    #expect(report.total.caseCount > 3000)
    #expect(report.total.differingCount == findings.explainedCount)
    #expect(report.total.notRun.keys.allSatisfy { $0 == .fetchWithoutMemory })
  }

  @Test("every sequence agrees, or differs by a rule")
  func sequencesAgree() throws {
    let factory = try KVMMachineFactory()
    let machine = try Conformance(factory).machineProfile()
    let plan = ConformancePlan(.full, for: machine)
    let worker = ConformanceWorker(
      plan, machine, factory, ContinuousClock.now + .seconds(600), .everything)
    var evidence = ConformanceEvidence()
    var count = 0
    for block in plan.blocks {
      // Root entries, one by one, are part of the profile; one of their sequences is enough here.
      guard case .sequence(let position) = block.work,
        !plan.sequences[position].name.hasPrefix("every root entry") || position == 1
      else { continue }
      let result = try worker.run(block)
      #expect(result.tally.caseCount == block.caseCount)
      evidence.merge(result.evidence)
      count += 1
    }
    for difference in ConformanceFindings(evidence).unexplained { Issue.record("\(difference)") }
    #expect(count > 50)
  }

  @Test("shards make up the whole, and a finished block is not run again")
  func shards() throws {
    let conformance = try Conformance(KVMMachineFactory())
    let machine = try conformance.machineProfile()
    var options = ConformanceOptions()
    options.selection = .sample(oneIn: 32_768)
    let whole = try conformance.run(options, on: machine)
    var parts: [ConformanceReport] = []
    for number in 1...3 {
      options.shard = try #require(ConformanceShard(number, of: 3))
      parts.append(try conformance.run(options, on: machine))
      #expect(parts.last?.isComplete == true)
    }
    let merged = try ConformanceReport.merged(parts)
    #expect(merged.isComplete && merged.finished == whole.finished)
    #expect(merged.total.caseCount == whole.total.caseCount)
    #expect(throws: ConformanceMergeError.contradiction(block: 0)) {
      try ConformanceReport.merged([parts[0], parts[0]])
    }
    options.shard = .whole
    options.finished = merged
    let resumed = try conformance.run(options, on: machine)
    #expect(resumed.isComplete && resumed.total.caseCount == whole.total.caseCount)
  }
}
