// The calls of the baseline, and of what is held against it.

import KVM
import MMU
import Probe

extension HostileValues {
  mutating func identity() -> MachineIdentity {
    MachineIdentity(
      name: text(), walker: one(of: TableWalker.allCases), processorName: text(),
      kernelRelease: bool() ? "6.\(number()).0" : text(),
      hostProcessor: one(of: HostProcessor.allCases), programVersion: bool() ? "7.2" : text())
  }

  mutating func release() -> ReleaseNumber? {
    ReleaseNumber(text: one(of: ["6.1.0", "0", "", "6..1", "18446744073709551616.1", text()]))
  }

  mutating func releases() -> ClosedRange<ReleaseNumber>? {
    guard let first = release(), let second = release() else { return nil }
    return min(first, second)...max(first, second)
  }

  mutating func baseline() -> Baseline {
    Baseline(
      machines: (0..<below(4)).map { _ in
        BaselineMachine(
          walker: one(of: TableWalker.allCases), hostProcessor: one(of: HostProcessor.allCases),
          rules: (0..<below(3)).compactMap { _ in
            releases().map { BaselineRule(rule: deviation(), versions: $0, source: text()) }
          }, versions: releases(), source: text())
      })
  }
}

extension HostileCall {
  static let baselines: [HostileCall] = [
    HostileCall(
      "KVM.HostProcessor.init(rawValue:)", "KVM.HostProcessor.ofHost()",
      "Probe.MachineIdentity.init(name:walker:processorName:kernelRelease:hostProcessor:programVersion:)",
      "Probe.MachineRemark.init(_:_:)"
    ) {
      touch((HostProcessor(rawValue: $0.text()), HostProcessor.ofHost().remark))
      touch(($0.identity().release, MachineRemark($0.text(), $0.text())))
    },
    HostileCall("Probe.ReleaseNumber.init(text:)", "Probe.ReleaseNumber.<(_:_:)") {
      guard let first = $0.release(), let second = $0.release() else { return }
      touch((first < second, second < first, first.description))
    },
    HostileCall(
      "Probe.Baseline.init(machines:)", "Probe.Baseline.machine(_:)", "Probe.Baseline.rules(of:)",
      "Probe.Baseline.remarks(on:)", "Probe.Baseline.adding(_:of:source:)",
      "Probe.BaselineMachine.init(walker:hostProcessor:rules:versions:source:)",
      "Probe.BaselineMachine.isAbout(_:)", "Probe.BaselineRule.init(rule:versions:source:)"
    ) {
      let baseline = $0.baseline()
      let identity = $0.identity()
      touch(baseline.machine(identity)?.isAbout(identity))
      touch((baseline.rules(of: identity), baseline.remarks(on: identity)))
      let rules = [$0.deviation(), $0.deviation()]
      let grown = baseline.adding(rules, of: identity, source: $0.text())
      touch(grown.rules(of: identity))
    },
    HostileCall(
      "Probe.ConformanceReport.check()", "Probe.ConformanceReport.findings(knowing:deadline:)",
      "Probe.ConformanceFindings.init(underived:)", "Probe.DeviationResponse.init(following:)"
    ) {
      let report = try $0.conformanceReport()
      touch(ConformanceFindings(underived: try $0.evidence()).unexplainedCount)
      let known = [$0.deviation(), $0.deviation()]
      let deadline = ContinuousClock.now + ($0.bool() ? .zero : .milliseconds(20))
      touch(report.findings(knowing: known, deadline: deadline).newCount)
      touch(DeviationResponse(following: .success($0.physical())))
      try report.check()
    },
    HostileCall("Probe.Verifier.use(_:)") {
      var verifier = Verifier.modelOnly
      try verifier.use($0.profile())
      touch(verifier.knownDeviations)
    },
  ]
}
