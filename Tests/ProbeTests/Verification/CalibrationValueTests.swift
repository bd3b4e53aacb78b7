// What is made of a calibration, by itself: what a machine cannot do, and which rules are new.

import CLinux
import KVM
import MMU
import Synchronization
import Testing

@testable import Probe

@Suite("Each part of a profile counts where it matters, and nowhere else")
struct CalibrationValueTests {
  static func profile(
    _ features: Set<MachineFeature>, _ deviations: [Deviation] = []
  ) -> MachineProfile {
    MachineProfile(
      identity: MachineIdentity(
        name: "m", walker: .ept, processorName: "p", kernelRelease: "6.18.3",
        hostProcessor: .silicon, programVersion: "7.2.1"),
      vendor: .intel, physicalAddressWidth: 46, features: features, deviations: deviations)
  }

  /// Settings with one thing on that a machine may lack, and what is said where it does.
  static let needs: [(feature: MachineFeature, reason: NotRunReason, settings: ProcessorSettings)] =
    {
      func settings(_ change: (inout ProcessorSettings) -> Void) -> ProcessorSettings {
        var settings = ProcessorSettings()
        settings.isNoExecuteEnabled = false
        change(&settings)
        return settings
      }
      return [
        (.protectionKeys, .noProtectionKeys, settings { $0.isPKEEnabled = true }),
        (
          .supervisorProtectionKeys, .noSupervisorProtectionKeys,
          settings { $0.isPKSEnabled = true }
        ),
        (.smep, .noSMEP, settings { $0.isSMEPEnabled = true }),
        (.smap, .noSMAP, settings { $0.isSMAPEnabled = true }),
        (.noExecute, .noNoExecute, settings { $0.isNoExecuteEnabled = true }),
      ]
    }()

  @Test("A setting is an obstacle where the machine lacks its feature, and only there")
  func obstacles() {
    let all = Set(MachineFeature.allCases)
    var plain = ProcessorSettings()
    plain.isNoExecuteEnabled = false
    let bare = Self.profile([])
    #expect(bare.obstacle(rootLevel: .pageMapLevel4, settings: plain) == nil)
    #expect(bare.obstacle(rootLevel: .pageMapLevel5, settings: plain) == .no5LevelPaging)
    let five = Self.profile([.fiveLevelPaging])
    #expect(five.obstacle(rootLevel: .pageMapLevel5, settings: plain) == nil)
    for need in Self.needs {
      let lacking = Self.profile(all.subtracting([need.feature]))
      #expect(lacking.obstacle(rootLevel: .pageMapLevel4, settings: need.settings) == need.reason)
      let having = Self.profile([need.feature])
      #expect(having.obstacle(rootLevel: .pageMapLevel4, settings: need.settings) == nil)
      for other in Self.needs where other.feature != need.feature {
        #expect(lacking.obstacle(rootLevel: .pageMapLevel4, settings: other.settings) == nil)
      }
    }
  }

  @Test("A sample is complete when nothing is left and every part was run")
  func completeSample() {
    for left in [0, 1] {
      for finished in [0, 2, 3] {
        var sample = MatrixSample()
        sample.leftCount = left
        sample.finishedBlockCount = finished
        sample.blockCount = 3
        #expect(sample.isComplete == (left == 0 && finished == 3))
      }
    }
    #expect(MatrixSample().isComplete)
  }

  @Test("The agent's key is the first that PKRU restricts in no way")
  func unrestrictedKey() {
    var settings = ProcessorSettings()
    settings.pkru = .max
    #expect(settings.unrestrictedUserKey == 0)
    settings.isPKEEnabled = true
    #expect(settings.unrestrictedUserKey == nil)
    for key in 0..<16 as Range<UInt32> {
      settings.pkru = ~(3 << (2 * key))
      #expect(settings.unrestrictedUserKey == UInt64(key))
      for restriction in [1, 2, 3] as [UInt32] {
        settings.pkru = restriction << (2 * key)
        #expect(settings.unrestrictedUserKey == (key == 0 ? 1 : 0))
      }
    }
  }

  @Test("IA32_PKRS denies the agent where it restricts key 0, with CR4.PKS only")
  func supervisorKeyOfTheAgent() {
    var settings = ProcessorSettings()
    settings.pkrs = .max
    #expect(!settings.deniesAgent)
    settings.isPKSEnabled = true
    for pkrs in [1, 2, 3, .max] as [UInt32] {
      settings.pkrs = pkrs
      #expect(settings.deniesAgent)
    }
    settings.pkrs = ~3
    #expect(!settings.deniesAgent)
  }

  @Test("A rule that the baseline does not have of this machine is a remark, and no other")
  func newRules() {
    let known = Deviation.faultMarksLeaf(level: .pageTable)
    let new = Deviation.reservedBitFaultWithoutPresent
    let baseline = Baseline(machines: [
      BaselineMachine(
        walker: .ept, hostProcessor: .silicon,
        rules: [
          BaselineRule(
            rule: known, versions: ReleaseNumber([6])...ReleaseNumber([7]), source: "s")
        ], versions: nil, source: "s")
    ])
    func newRules(of deviations: [Deviation]) -> [String] {
      var profile = Self.profile([], deviations)
      profile.note(baseline)
      return profile.remarks.filter { $0.id == "rule-not-in-baseline" }.map(\.message)
    }
    #expect(newRules(of: []).isEmpty && newRules(of: [known]).isEmpty)
    let remarks = newRules(of: [known, new])
    #expect(remarks.count == 1 && remarks.first?.hasSuffix(new.message) == true)
  }

  @Test("A rule about A of leaves names the entry of its level")
  func markedLevels() {
    for level in [Level.pageTable, .pageDirectory, .pageDirectoryPointerTable] {
      #expect(
        Deviation.faultMarksLeaf(level: level).message
          == "an access that a page does not allow sets A in the \(level.entryName) that maps it")
    }
  }

  @Test("Pairs that disagree are kept apart, and named")
  func pairs() {
    let pairs: [(DisagreeingPairs, String)] = [
      (.askedModelled, "asked-modelled"), (.askedExecuted, "asked-executed"),
      (.modelledExecuted, "modelled-executed"),
    ]
    for (pair, name) in pairs {
      #expect(pair.ids == [name])
      #expect(pairs.filter { $0.0.isSuperset(of: pair) }.count == 1)
    }
    let all: DisagreeingPairs = [.askedModelled, .askedExecuted, .modelledExecuted]
    #expect(all.ids == pairs.map(\.1))
  }

  @Test("As many workers run as there are processors")
  func processors() {
    #expect(processorCount() == max(1, Int(clinux_processor_count())))
  }

  @Test("A trial ends at its last guest, and tells how the first was lost")
  func losses() {
    let losses = TrialLosses(limit: 2)
    #expect(!losses.isExhausted && losses.first == nil)
    losses.add("one")
    #expect(!losses.isExhausted && losses.first == "one")
    losses.add("two")
    #expect(losses.isExhausted && losses.first == "one")
  }

  @Test("The host's changes are reliable when every access saw its own")
  func reliableChanges() {
    for seen in [0, 63, 64] {
      let finding = HostEditFinding(
        privilege: .user, means: .nothing, seenCount: seen, probeCount: 64)
      #expect(finding.isReliable == (seen == 64))
    }
  }

  @Test("Progress is told after every step, with the sum so far")
  func progress() {
    let told = Mutex<[[Int]]>([])
    let counter = ProgressCounter(totalCount: 9) { done, total in
      told.withLock { $0.append([done, total]) }
    }
    counter.advance(by: 2)
    counter.advance(by: 5)
    #expect(told.withLock { $0 } == [[2, 9], [7, 9]])
  }
}
