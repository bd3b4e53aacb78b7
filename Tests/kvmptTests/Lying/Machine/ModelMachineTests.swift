// The model as a machine is honest: every command agrees with it, with every feature.

import MMU
import Testing

@testable import Probe

@Suite("The model as a machine follows the manual")
struct ModelMachineTests {
  @Test("in a sample of the whole matrix and all sequences")
  func conform() throws {
    let conformance = Conformance(ModelMachineFactory())
    let machine = try conformance.machineProfile()
    #expect(machine.features == Set(MachineFeature.allCases))
    var options = ConformanceOptions()
    options.shard = try #require(ConformanceShard(3, of: 97))
    let report = try conformance.run(options, on: machine)
    #expect(report.isComplete && report.total.caseCount > 1000)
    for difference in report.findings.unexplained.prefix(5) { Issue.record("\(difference)") }
    #expect(report.findings.isExpected && report.total.differingCount == 0)
  }

  @Test("in all that doctor tries")
  func doctor() throws {
    var times = ExaminationTimes()
    // So much that no host is too slow.
    times.calibration = .seconds(1800)
    times.whole = .seconds(1800)
    let examination = try Examination.ofMachine(ModelMachineFactory(), within: times)
    #expect(examination.problem == nil)
    for finding in examination.features { #expect(finding.outcome == .works, "\(finding)") }
    #expect(examination.hostEdits.count == 4 && examination.hostEdits.allSatisfy(\.isReliable))
    #expect(examination.sample?.isComplete == true && examination.sampleRules.isEmpty)
  }
}
