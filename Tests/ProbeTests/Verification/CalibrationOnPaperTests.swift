// Calibration, doctor's trials and rules, on machines on paper.

import GuestMem
import KVM
import MMU
import Synchronization
import Testing

@testable import Probe

@Suite("A trial finds what a machine does, and costs no more guests than it may")
struct CalibrationOnPaperTests {
  @Test(
    "a machine that has everything is found to have it, and one that lacks a feature to lack it")
  func features() throws {
    let all = Set(MachineFeature.allCases)
    for missing in [
      nil, .fiveLevelPaging, .oneGiBPages, .smep, .smap, .protectionKeys,
      .supervisorProtectionKeys,
    ] as [MachineFeature?] {
      let has = missing.map { all.subtracting([$0]) } ?? all
      let profile = try Calibrator(factory: PaperFactory(features: has)).profile(trying: all)
      #expect(profile.features == has && profile.deviations.isEmpty)
    }
  }

  @Test(
    "a feature that kills guests fails at the first one, and says where",
    arguments: [MachineFeature.smep, .smap, .protectionKeys, .supervisorProtectionKeys])
  func deadlyFeature(_ feature: MachineFeature) throws {
    let bits: [MachineFeature: UInt64] = [
      .smep: 20, .smap: 21, .protectionKeys: 22, .supervisorProtectionKeys: 24,
    ]
    let bit = try #require(bits[feature])
    let count = BatchCounter()
    let factory = ChangedFactory(inner: PaperFactory()) {
      DeadlyBatches(count: count) { $0.state.cr4 >> bit & 1 != 0 }
    }
    let calibrator = Calibrator(factory: factory)
    let (profile, _) = try calibrator.basics(rootIndices: [], unexplained: .fail)
    let outcome = try calibrator.outcome(of: feature, profile)
    guard case .differs(let reason) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(
      reason.hasSuffix("read at CPL 0, at or after 0x80_0000_0008: the guest ran for ever"),
      "\(reason)")
    #expect(count.value == 1)
    let found = try calibrator.profile(trying: [feature])
    #expect(!found.features.contains(feature) && count.value == 2)
  }

  @Test("basics that kill guests are given up after three of them")
  func deadlyBasics() throws {
    let count = BatchCounter()
    let factory = ChangedFactory(inner: PaperFactory()) {
      DeadlyBatches(count: count) { $0.privilege == .user }
    }
    let calibrator = Calibrator(factory: factory)
    #expect(throws: MachineError.self) {
      _ = try calibrator.basics(rootIndices: [], unexplained: .fail)
    }
    #expect(count.value == 3)
  }

  @Test("keys are tried with key 0 denied writes alone and all accesses alone, at once and later")
  func keyRounds() throws {
    let rounds = try #require(CalibrationTrial(.protectionKeys)).rounds
    for isFirst in [true, false] {
      let rights = Set(
        rounds.filter { ($0.before == nil) == isFirst && $0.settings.isPKEEnabled }
          .map { $0.settings.pkru & 3 })
      #expect(rights.isSuperset(of: [0, 1, 2]), "\(isFirst)")
    }
    // Two bits for each key, 1 denies access and 2 writes; keys 1, 2, 7 and 15, then key 0, too.
    let registers = rounds.map { [$0.settings.pkru, $0.before?.pkru ?? .max] }
    #expect(
      registers == [
        [0xc024, .max], [0xc024, 0], [0, 0xc024], [0xc024, .max], [0x12, .max],
        [0x2, 0x4000_0000], [0xc001, .max], [0x8000_0001, 0x22],
      ])
    // CPL 3 always has a key that is not restricted, or it could not reach its records.
    for round in rounds {
      #expect(round.settings.unrestrictedUserKey != nil)
      #expect(round.before.map { $0.unrestrictedUserKey != nil } ?? true)
    }
    let supervisor = try #require(CalibrationTrial(.supervisorProtectionKeys)).rounds
    #expect(supervisor.allSatisfy { !$0.settings.deniesAgent && $0.settings.isPKSEnabled })
    // What can cost a guest comes last.
    let costs = rounds.map { $0.settings.pkru & 3 != 0 }
    #expect(costs == costs.sorted { !$0 && $1 })
  }

  @Test("doctor moves 64 pages under the guest, and counts those that it sees at their new place")
  func hostEdits() throws {
    for stale in [0, 1, 5] as [UInt64] {
      var factory = PaperFactory()
      let old = HostEditPages()
      factory.habits.lie = { access in
        let page = (access.address - (1 << 39)) >> 12
        guard page < stale, let first = old.first(of: page, access) else { return nil }
        return .value(first)
      }
      let trial = HostEditTrial(
        factory: factory, profile: factory.profile,
        deadline: ContinuousClock.now + .seconds(600))
      let finding = try trial.finding(at: .user, by: .guestFlush)
      #expect(finding.probeCount == 64 && finding.seenCount == 64 - Int(stale))
      #expect(finding.isReliable == (stale == 0))
      #expect(finding.privilege == .user && finding.means == .guestFlush)
      #expect(factory.log.machineCount == 1)
    }
  }

  // MARK: Features that a sample takes away

  private static func key(_ rule: ArchitectureRule, _ modelled: AccessOutcome) -> EvidenceKey {
    var subject = DeviationSubject(
      ProbeManner(.read, at: .supervisor), address: 0x40_0000, modelled: modelled,
      rootLevel: .pageMapLevel4)
    subject.rule = rule
    return EvidenceKey(subject, modelled: modelled)
  }

  private static let record = DifferenceRecord(
    count: 1,
    example: ConformanceMismatch(
      matrix: "a matrix", block: 0, mode: "SMAP=1", entries: [], address: 0x40_0000,
      modelled: "a fault", executed: "success"))

  @Test(
    "a rule that the plain modes break only in details is kept there, one that they break is not")
  func attributable() {
    let refused = AccessOutcome.pageFault([.present, .reserved])
    let known = [
      // What the plain modes are known to do otherwise, in detail and altogether.
      Deviation(when: [.rule(.present(at: .pageTable))], .errorCodeLacks(1)),
      Deviation(when: [.rule(.bit8Reserved(at: .pageMapLevel4))], .errorCodeLacks(1)),
      Deviation(when: [.rule(.bit8Reserved(at: .pageMapLevel4)), .kind(.write)], .succeeds),
    ]
    func withdrawn(_ plainDifference: EvidenceDifference) -> [MachineFeature] {
      var plain = ConformanceEvidence()
      plain.add(Self.key(.present(at: .pageDirectory), refused))
      plain.add(plainDifference, Self.record)
      var other = ConformanceEvidence()
      other.add(
        EvidenceDifference(Self.key(.bit8Reserved(at: .pageMapLevel4), refused), .success),
        Self.record)
      let judgement = SampleJudgement(
        MatrixSample(), [[]: plain, [.smap]: other], knowing: known,
        deadline: .now + .seconds(600))
      #expect(judgement.problem == nil)
      return Array(judgement.withdrawn.keys)
    }
    // The same rule, of which only the error code lacks a bit: the machine keeps it.
    #expect(
      withdrawn(
        EvidenceDifference(Self.key(.bit8Reserved(at: .pageMapLevel4), refused), .pageFault(8)))
        == [.smap])
    // Another rule says nothing of this one.
    #expect(
      withdrawn(EvidenceDifference(Self.key(.present(at: .pageTable), refused), .pageFault(8)))
        == [])
    // The same rule, which writes break in the plain modes as well.
    var write = Self.key(.bit8Reserved(at: .pageMapLevel4), refused)
    write.subject.kind = .write
    #expect(withdrawn(EvidenceDifference(write, .success)) == [])
  }

  // MARK: Rules

  /// An access that a page refuses.
  private static func refused(_ kind: AccessKind, _ privilege: PrivilegeLevel) -> EvidenceKey {
    var code: UInt32 = privilege == .user ? 5 : 1
    if kind == .write { code |= 2 }
    if kind == .fetch { code |= 16 }
    let subject = DeviationSubject(
      Access(kind), form: .plain, privilege: privilege, end: .refused, rootLevel: .pageMapLevel4)
    return EvidenceKey(subject, modelled: .pageFault(PageFaultErrorCode(rawValue: code)))
  }

  private static func rules(
    _ responses: [(AccessKind, PrivilegeLevel, DeviationResponse)]
  ) -> [(rule: Deviation, count: Int)] {
    var evidence = ConformanceEvidence()
    for kind in AccessKind.allCases {
      for privilege in PrivilegeLevel.allCases {
        let found = responses.first { $0.0 == kind && $0.1 == privilege }
        if let found {
          evidence.add(EvidenceDifference(refused(kind, privilege), found.2), record)
        } else {
          evidence.add(refused(kind, privilege), count: 10)
        }
      }
    }
    let findings = ConformanceFindings(evidence)
    #expect(findings.unexplained.isEmpty)
    return findings.rules
  }

  @Test("a rule speaks about no access that differs in another way")
  func narrowRules() {
    // Each way of using a page at CPL 3 differs, and each otherwise.
    let rules = Self.rules([
      (.read, .user, .pageFault(4)), (.write, .user, .pageFault(3)), (.fetch, .user, .pageFault(5)),
    ]).map(\.rule)
    #expect(
      Set(rules) == [
        Deviation(when: [.kind(.read), .privilege(.user)], .errorCodeLacks(1)),
        // At CPL 0 there is no U that can be missing, and only fetches have an I.
        Deviation(when: [.kind(.write)], .errorCodeLacks(4)),
        Deviation(when: [.privilege(.user)], .errorCodeLacks(16)),
      ])
  }

  @Test("of rules that explain as many cases, the more telling effect stands first")
  func orderOfRules() {
    let rules = Self.rules([
      (.write, .user, .pageFault(3)), (.read, .user, .pageFault(7)),
      (.fetch, .user, .exception(vector: 6, errorCode: 0)), (.write, .supervisor, .success),
      (.fetch, .supervisor, .flags(.accessedExtra)),
    ])
    #expect(
      rules.map(\.rule.effect) == [
        .errorCodeLacks(4), .errorCodeHas(2), .exception(vector: 6), .succeeds,
        .flags(.accessedExtra),
      ])
    #expect(rules.allSatisfy { $0.count == 1 })
  }
}

/// Where pages were when they were first read.
private final class HostEditPages: Sendable {
  private let frames = Mutex<[UInt64: UInt64]>([:])

  /// The frame of the first read of a page, or nil for that read itself.
  func first(of page: UInt64, _ access: PaperAccess) -> UInt64? {
    guard case .success(let address) = access.outcome else { return nil }
    return frames.withLock { frames in
      if let frame = frames[page] { return frame }
      frames[page] = address.rawValue & ~0xfff
      return nil
    }
  }
}
