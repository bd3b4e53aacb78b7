// A KVM that takes CR4.PKE though it knows nothing of keys: they hold until the first use of a page.

import GuestMem
import MMU
import TestHosts
import Testing

@testable import Probe

@Suite(
  "Keys that hold until the first use of a page are no keys",
  .enabled(if: Host.hasQEMU, "needs QEMU, whose keys the double spoils"))
struct HalfKeysTests {
  private func factory() throws -> any MachineFactory {
    ChangedFactory(
      inner: try QEMUMachineFactory(), unpromised: [.protectionKeys]
    ) { KeysUntilTheFirstUse() }
  }

  @Test("doctor finds the keys absent, says how it saw it, and believes the rest")
  func doctor() throws {
    let examination = try Examination.ofMachine(factory(), within: .plentyForTrials)
    #expect(examination.problem == nil)
    for finding in examination.features where finding.feature != .protectionKeys {
      #expect(finding.outcome == .works, "\(finding)")
    }
    let keys = try #require(examination.features.first { $0.feature == .protectionKeys })
    #expect(!keys.isPromised && keys.remedy != nil)
    guard case .differs(let reason) = keys.outcome else {
      Issue.record("\(keys.outcome)")
      return
    }
    #expect(reason.contains("PKE=1") && reason.contains("after") && reason.contains("at CPL 3"))
    #expect(examination.profile?.features.contains(.protectionKeys) == false)
  }

  /// Pages with some keys, of which key 0 is denied.
  private func space(denying rights: UInt32) -> AddressSpace {
    var processor = ProcessorSettings()
    processor.isPKEEnabled = true
    processor.pkru = rights
    let mappings = (0..<8).map { key in
      Mapping(
        name: "key \(key)",
        linearAddress: LinearAddress(truncating: 0x40_0000 + UInt64(key) << 16, width: .bits48),
        byteCount: 0x4000,
        properties: PageProperties(
          rights: [.read, .write], isUser: true, protectionKey: UInt8(key)))
    }
    return AddressSpace(memoryByteCount: 4 << 20, processor: processor, mappings: mappings)
  }

  @Test(
    "a file that denies key 0 is skipped, without a lost guest", arguments: [1, 2, 3] as [UInt32])
  func verify(_ rights: UInt32) throws {
    let report = try Verifier(factory: factory()).verify(space(denying: rights))
    #expect(report.lost.isEmpty && report.disagreements.isEmpty)
    #expect(report.flagDisagreements.isEmpty)
    #expect(report.total.executedCount == 0)
    #expect(report.total.notRun == [.noProtectionKeys: report.total.probeCount])
    // The emulator itself has keys, and proves the file.
    let proof = try Verifier(factory: QEMUMachineFactory()).verify(space(denying: rights))
    #expect(proof.isAgreement && proof.total.notRun.isEmpty)
  }

  @Test("conform does not try keys that are not there")
  func conform() throws {
    let conformance = Conformance(try factory())
    let machine = try conformance.machineProfile()
    #expect(!machine.features.contains(.protectionKeys))
    var without = try Conformance(QEMUMachineFactory()).machineProfile()
    #expect(without.features.remove(.protectionKeys) != nil)
    let plan = try conformance.plan(.access, machine)
    #expect(plan.caseCount == ConformancePlan(.access, for: without).caseCount)
    #expect((plan.notRun[.noProtectionKeys] ?? 0) > plan.caseCount)
  }
}
