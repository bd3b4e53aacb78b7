// A feature is what a machine was seen to do: trials on machines that have it in part only.

import GuestMem
import MMU
import TestHosts
import Testing

@testable import Probe

@Suite("The trial decides about a feature", .enabled(if: Host.hasQEMU, "needs QEMU"))
struct FeatureTrialTests {
  /// A machine that takes a control register and does not heed all of it.
  struct Fault: Sendable, CustomTestStringConvertible {
    let name: String
    let feature: MachineFeature
    let change: @Sendable (inout AgentBatch) -> Void

    init(
      _ name: String, _ feature: MachineFeature,
      _ change: @escaping @Sendable (inout AgentBatch) -> Void
    ) {
      self.name = name
      self.feature = feature
      self.change = change
    }

    var testDescription: String { name }
  }

  static let faults: [Fault] = [
    Fault("NX cannot be off", .noExecute) { $0.state.efer |= 1 << 11 },
    Fault("WP cannot be off", .writeProtect) { $0.state.cr0 |= 1 << 16 },
    Fault("SMEP is ignored", .smep) { $0.state.cr4 &= ~(1 << 20) },
    Fault("SMAP is ignored", .smap) { $0.state.cr4 &= ~(1 << 21) },
    Fault("AC does not lift SMAP", .smap) { $0.state.isAlignmentCheckFlagSet = false },
    Fault("keys are ignored", .protectionKeys) { $0.state.cr4 &= ~(1 << 22) },
    Fault("keys are ignored at CPL 3", .protectionKeys) {
      if $0.privilege == .user { $0.state.pkru = 0 }
    },
    Fault("keys are ignored at CPL 0", .protectionKeys) {
      if $0.privilege == .supervisor { $0.state.pkru = 0 }
    },
    Fault("keys stop no writes", .protectionKeys) { $0.state.pkru &= 0x5555_5555 },
    Fault("keys stop writes only", .protectionKeys) { $0.state.pkru &= 0xaaaa_aaaa },
    Fault("key 0 stops nothing", .protectionKeys) { $0.state.pkru &= ~3 },
    Fault("key 0 stops no writes", .protectionKeys) { $0.state.pkru &= ~2 },
    Fault("key 0 stops no reads", .protectionKeys) { $0.state.pkru &= ~1 },
    Fault("high keys stop nothing", .protectionKeys) { $0.state.pkru &= 0xffff },
    Fault("supervisor keys are ignored", .supervisorProtectionKeys) { $0.state.pkrs = 0 },
    Fault("supervisor keys stop no writes", .supervisorProtectionKeys) {
      $0.state.pkrs &= 0x5555_5555
    },
  ]

  private func outcomes(
    of factory: any MachineFactory
  ) throws -> [MachineFeature: TrialOutcome] {
    let calibrator = Calibrator(factory: factory)
    var (profile, oneGiBPages) = try calibrator.basics(rootIndices: [], unexplained: .fail)
    var outcomes: [MachineFeature: TrialOutcome] = [:]
    for feature in MachineFeature.allCases {
      outcomes[feature] =
        feature == .oneGiBPages ? oneGiBPages : try calibrator.outcome(of: feature, profile)
      if outcomes[feature] != .works { profile.features.remove(feature) }
    }
    return outcomes
  }

  @Test("on the emulator, which has them all, every trial succeeds")
  func everythingWorks() throws {
    for (feature, outcome) in try outcomes(of: QEMUMachineFactory()) {
      #expect(outcome == .works, "\(feature)")
    }
  }

  @Test("a register that is taken and not heeded costs just its feature", arguments: faults)
  func notHeeded(_ fault: Fault) throws {
    let factory = ChangedFactory(inner: try QEMUMachineFactory()) {
      OtherState(change: fault.change)
    }
    let outcomes = try outcomes(of: factory)
    for (feature, outcome) in outcomes where feature != fault.feature {
      #expect(outcome == .works, "\(feature)")
    }
    guard case .differs(let reason)? = outcomes[fault.feature] else {
      Issue.record("\(String(describing: outcomes[fault.feature]))")
      return
    }
    #expect(reason.contains("the model says"))
  }

  @Test("a feature that costs the guest fails at the first guest, and costs no other feature")
  func deadly() throws {
    let count = BatchCounter()
    let factory = ChangedFactory(inner: try QEMUMachineFactory()) {
      DeadlyBatches(count: count) { $0.state.cr4 >> 20 & 1 != 0 }
    }
    let outcomes = try outcomes(of: factory)
    #expect(count.value == 1)
    for (feature, outcome) in outcomes where feature != .smep {
      #expect(outcome == .works, "\(feature)")
    }
    guard case .differs(let reason)? = outcomes[.smep] else {
      Issue.record("\(String(describing: outcomes[.smep]))")
      return
    }
    #expect(reason.contains("SMEP=1") && reason.contains("the guest ran for ever"))
  }
}
