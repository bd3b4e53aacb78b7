// Rules about machines, derived from what made-up machines do.

import KVM
import MMU
import Testing

@testable import Probe

@Suite("Rules about a machine follow from what it does")
struct RuleDerivationTests {
  /// Every kind of access, with the outcome that the manual gives it.
  private static let accesses: [EvidenceKey] = {
    var keys: [EvidenceKey] = []
    for kind in AccessKind.allCases {
      for privilege in PrivilegeLevel.allCases {
        for form in AccessForm.allCases where kind != .fetch || form == .plain {
          for root in [nil, 1, 256, 511] {
            for end in WalkEndKind.allCases {
              for isStack in [false, true] where !isStack || kind != .fetch {
                let access = Access(kind, origin: isStack ? .stack : .instruction)
                var subject = DeviationSubject(
                  access, form: form, privilege: privilege, end: end, rootLevel: .pageMapLevel4)
                subject.rootIndex = end == .notCanonical ? nil : root
                keys.append(
                  EvidenceKey(subject, modelled: outcome(kind, privilege, end, isStack: isStack)))
              }
            }
          }
        }
      }
    }
    return keys
  }()

  private static func outcome(
    _ kind: AccessKind, _ privilege: PrivilegeLevel, _ end: WalkEndKind, isStack: Bool
  ) -> AccessOutcome {
    var code: UInt32 = privilege == .user ? 4 : 0
    if kind == .write { code |= 2 }
    if kind == .fetch { code |= 16 }
    switch end {
    case .allowed: return .success(GuestPhysicalAddress(truncating: 0))
    case .refused: code |= 1
    case .notPresent: break
    case .reserved: code |= 9
    case .notCanonical: return isStack ? .stackFault : .generalProtection
    }
    return .pageFault(PageFaultErrorCode(rawValue: code))
  }

  /// What is derived from a machine that answers as `response` says, or as the manual does for nil.
  private func rules(_ response: (EvidenceKey) -> DeviationResponse?) -> [Deviation] {
    var evidence = ConformanceEvidence()
    let example = ConformanceMismatch(
      matrix: "", block: 0, mode: "", entries: [], address: 0, modelled: "", executed: "")
    for key in Self.accesses {
      let answer = response(key)
      if let answer, answer != DeviationResponse(following: key.modelled) {
        evidence.add(EvidenceDifference(key, answer), DifferenceRecord(count: 3, example: example))
      } else {
        evidence.add(key, count: 100)
      }
    }
    let findings = ConformanceFindings(evidence)
    #expect(findings.unexplained.isEmpty)
    return findings.rules.map(\.rule)
  }

  @Test("a machine that follows the manual has none")
  func none() { #expect(rules { _ in nil }.isEmpty) }

  /// Evidence about every root entry: the response at each, or nil where it follows the manual.
  private static func everyRoot(
    _ response: (EvidenceKey, Int) -> DeviationResponse?
  ) -> ConformanceEvidence {
    var evidence = ConformanceEvidence()
    let example = ConformanceMismatch(
      matrix: "", block: 0, mode: "", entries: [], address: 0, modelled: "", executed: "")
    for key in accesses where key.subject.rootIndex == 1 {
      for index in 0..<512 {
        var key = key
        key.subject.rootIndex = index
        if let answer = response(key, index) {
          evidence.add(
            EvidenceDifference(key, answer), DifferenceRecord(count: 1, example: example))
        } else {
          evidence.add(key)
        }
      }
    }
    return evidence
  }

  private static func withoutPresent(_ key: EvidenceKey) -> DeviationResponse? {
    guard case .pageFault(let code) = key.modelled, code.contains(.present) else { return nil }
    return .pageFault(code.rawValue & ~1)
  }

  @Test("What happens below every root entry alike is not told by root entry, agreed or not")
  func ordinaryRootEntries() {
    let plain = Self.accesses.count { $0.subject.rootIndex == 1 }
    let alike = Self.everyRoot { key, _ in Self.withoutPresent(key) }
    let short = alike.withoutOrdinaryRootEntries()
    #expect(short.agreed.count + short.differences.count == plain)
    #expect(short.agreed.keys.allSatisfy { $0.subject.rootIndex == nil })
    #expect(short.differences.keys.allSatisfy { $0.key.subject.rootIndex == nil })
    #expect(short.differences.values.allSatisfy { $0.count == 512 })
    let rules = ConformanceFindings(alike).rules
    #expect(!rules.isEmpty && rules.count <= 2)
    for (rule, _) in rules {
      #expect(!rule.condition.contains { if case .rootEntry = $0 { true } else { false } })
      #expect(rule.effect == .errorCodeLacks(1))
    }
  }

  @Test("A report that is given out tells nothing by root entry that does not depend on it")
  func settledReport() {
    let evidence = Self.everyRoot { key, _ in Self.withoutPresent(key) }
    let report = ConformanceReport(
      profile: .full, shard: .whole, machine: .anyMachine, finished: [1, 2],
      total: ConformanceTally(), profileBlockCount: 4, evidence: evidence, notRun: [:],
      time: .seconds(3))
    let settled = report.settled()
    #expect(settled.evidence == evidence.withoutOrdinaryRootEntries())
    #expect(settled.evidence != evidence)
    #expect(settled.finished == [1, 2] && settled.time == .seconds(3))
  }

  @Test("Of the attributes that help, the one that keeps most of what differs goes into a rule")
  func largestPart() {
    var evidence = ConformanceEvidence()
    let example = ConformanceMismatch(
      matrix: "", block: 0, mode: "", entries: [], address: 0, modelled: "", executed: "")
    for key in Self.accesses where key.subject.rootIndex == nil {
      let isDifferent = key.subject.end == .refused && key.subject.privilege == .user
      guard isDifferent else {
        evidence.add(key)
        continue
      }
      // Half of them have one level each, which no other access has: either level would do for its half.
      for level in [Level.pageTable, .pageDirectory] {
        var key = key
        key.subject.level = level
        evidence.add(
          EvidenceDifference(key, .pageFault(0x7fff)), DifferenceRecord(count: 1, example: example))
      }
    }
    let findings = ConformanceFindings(evidence)
    #expect(findings.unexplained.isEmpty)
    #expect(
      findings.rules.allSatisfy { $0.rule.condition == [.end(.refused), .privilege(.user)] },
      "\(findings.rules.map(\.rule))")
    #expect(!findings.rules.isEmpty)
  }

  @Test("A root entry that is not like the others keeps its number, whichever of both differ")
  func specialRootEntries() {
    for special in [0, 256, 511] {
      for isSpecialRight in [false, true] {
        let evidence = Self.everyRoot { key, index in
          (index == special) == isSpecialRight ? nil : Self.withoutPresent(key)
        }
        let short = evidence.withoutOrdinaryRootEntries()
        let indices = Set(
          short.agreed.keys.map(\.subject.rootIndex)
            + short.differences.keys.map(\.key.subject.rootIndex))
        #expect(indices == [nil, special])
        // No rule excuses the others because of the one, nor the one because of the others.
        let findings = ConformanceFindings(evidence)
        for (rule, _) in findings.rules {
          #expect(evidence.contradictionCount(of: rule) == 0)
        }
        if !isSpecialRight {
          #expect(findings.unexplained.isEmpty)
          #expect(findings.rules.allSatisfy { $0.rule.condition.contains(.rootEntry(special)) })
        }
      }
    }
  }

  @Test("With two kinds of root entries, or few, those are special that do not follow the manual")
  func fewRootEntries() {
    let halves = Self.everyRoot { key, index in index < 256 ? Self.withoutPresent(key) : nil }
    let special = Set(
      halves.withoutOrdinaryRootEntries().differences.keys.map(\.key.subject.rootIndex))
    #expect(special == Set((0..<256).map(Optional.some)))
  }

  @Test("A search that time ends leaves everything unexplained, and says so")
  func searchWithoutTime() {
    let evidence = Self.everyRoot { key, _ in Self.withoutPresent(key) }
    let findings = ConformanceFindings(evidence, deadline: .now - .seconds(1))
    #expect(!findings.isSearchComplete && findings.rules.isEmpty && !findings.isExpected)
    #expect(findings.unexplainedCount == evidence.differences.count)
    #expect(ConformanceFindings(evidence).isSearchComplete)
    // Where there is nothing to search for, time ends nothing.
    let right = Self.everyRoot { _, _ in nil }
    #expect(ConformanceFindings(right, deadline: .now - .seconds(1)).isSearchComplete)
  }

  @Test("the missing P of QEMU TCG is one rule, whatever the access")
  func missingPresent() {
    let found = rules { key in
      guard case .pageFault(let code) = key.modelled, code.contains(.reserved) else { return nil }
      return .pageFault(code.rawValue & ~1)
    }
    #expect(found == [.reservedBitFaultWithoutPresent])
    #expect(found.first?.id == "reserved-bit-fault-without-present")
  }

  @Test("a root entry that CPL 3 cannot use is one rule")
  func rootEntry() {
    let found = rules { key in
      guard key.subject.privilege == .user, key.subject.rootIndex == 256,
        key.subject.end != .notCanonical
      else { return nil }
      var code: UInt32 = 4
      if key.subject.kind == .write { code |= 2 }
      if key.subject.kind == .fetch { code |= 16 }
      return .pageFault(code)
    }
    #expect(found.map(\.id) == ["root-entry-unreachable-at-user"])
    #expect(found.first?.effect == .faultsAsNotPresent)
  }

  @Test("a baseline does not rely on the reason of faults that come whatever the tables say")
  func written() {
    let identity = MachineIdentity(
      name: "KVM", walker: .pvm, processorName: "", kernelRelease: "6.18.44")
    let narrow = Deviation(when: [.privilege(.user), .rootEntry(256)], .faultsAsNotPresent)
    let other = Deviation(when: [.end(.reserved)], .faultsAsNotPresent)
    let baseline = Baseline(machines: []).adding([narrow, other], of: identity, source: "a test")
    #expect(baseline.rules(of: identity) == [.rootEntryUnreachableAtUser(index: 256), other])
    #expect(baseline.remarks(on: identity).isEmpty)
    var newer = identity
    newer.kernelRelease = "6.19.1"
    #expect(baseline.remarks(on: newer).map(\.id) == ["version-not-in-baseline"])
    newer.hostProcessor = .qemuTCG
    #expect(baseline.remarks(on: newer).map(\.id) == ["walker-not-in-baseline"])
    #expect(baseline.rules(of: newer).isEmpty)
  }

  @Test("a root entry that CPL 3 cannot use faults in the mode of the host, not of the guest")
  func modeOfTheHost() {
    let rule = Deviation.rootEntryUnreachableAtUser(index: 256)
    let address: UInt64 = 0xffff_8000_0000_1000
    func explains(_ kind: AccessKind, modelled: UInt32, executed: UInt32) -> Bool {
      let outcome = AccessOutcome.pageFault(PageFaultErrorCode(rawValue: modelled))
      return rule.explains(
        .pageFault(errorCode: executed, cr2: address), insteadOf: outcome, at: address,
        DeviationSubject(
          ProbeManner(kind, at: .user), address: address, modelled: outcome,
          rootLevel: .pageMapLevel4))
    }
    // Without NXE and SMEP the guest's own fault has no I.
    #expect(explains(.fetch, modelled: 0x4, executed: 0x14))
    #expect(explains(.fetch, modelled: 0x14, executed: 0x4))
    #expect(!explains(.read, modelled: 0x4, executed: 0x14))
    #expect(!explains(.fetch, modelled: 0x4, executed: 0x16))
    #expect(explains(.write, modelled: 0x7, executed: 0x6))
  }

  @Test("a root entry whose error codes vary is one rule, too")
  func unreliableRootEntry() {
    // Where nothing is mapped it agrees, elsewhere P and RSVD are set or clear as it happens.
    let found = rules { key in
      guard key.subject.privilege == .user, key.subject.rootIndex == 256,
        key.subject.end != .notCanonical, key.subject.end != .notPresent
      else { return nil }
      var code: UInt32 = key.subject.form == .plain ? 4 : 13
      if key.subject.kind == .write { code |= 2 }
      if key.subject.kind == .fetch { code |= 16 }
      return .pageFault(code)
    }
    #expect(found == [.rootEntryUnreachableAtUser(index: 256)])
  }

  @Test("several differences are several rules, each as general as it can be")
  func several() {
    let found = rules { key in
      // #GP instead of #SS: other accesses get a #GP as well, and need no rule for it.
      if key.modelled == .stackFault { return .exception(vector: 13, errorCode: 0) }
      if key.subject.end == .refused && key.subject.form == .locked { return .success }
      if key.subject.kind == .write && key.subject.end == .allowed {
        return .flags(.dirtyMissing)
      }
      return nil
    }
    #expect(found.count == 3)
    #expect(found.contains(Deviation(when: [.form(.locked), .end(.refused)], .succeeds)))
    #expect(
      found.contains(
        Deviation(
          when: [.end(.notCanonical), .origin(.stack)], .exception(vector: 13))))
    #expect(
      found.contains(Deviation(when: [.end(.allowed), .kind(.write)], .flags(.dirtyMissing))))
  }

  @Test("evidence is read as it was written")
  func text() {
    for key in Self.accesses { #expect(EvidenceKey(text: key.text) == key) }
    let responses: [DeviationResponse] = [
      .success, .wrongPage, .pageFault(0x1f), .wrongAddress(2),
      .exception(vector: 12, errorCode: 0), .lost(.hang), .lost(.unexpectedExit("halted")),
      .flags([.accessedMissing, .other]),
    ]
    for response in responses.dropLast(2) + responses.suffix(1) {
      #expect(DeviationResponse(text: response.text) == response)
    }
    for text in ["", "page-fault", "page-fault 9", "exception 12", "flags x", "walk=none"] {
      #expect(DeviationResponse(text: text) == nil && EvidenceKey(text: text) == nil)
    }
  }
}
