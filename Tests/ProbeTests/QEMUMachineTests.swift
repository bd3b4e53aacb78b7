// QEMU as a machine: the same experiment on an MMU from other hands.

import Dispatch
import GuestMem
import MMU
import Synchronization
import Testing

@testable import Probe

@Suite("QEMU proves what KVM proves, and more", .enabled(if: Host.hasQEMU, "needs QEMU"))
struct QEMUMachineTests {
  @Test("every page size and right agrees three ways, at 4 and 5 levels")
  func everySizeAndRight() throws {
    let verifier = Verifier(factory: try QEMUMachineFactory())
    for rootLevel in [Level.pageMapLevel4, .pageMapLevel5] {
      var space = SampleSpaces.everySizeAndRight
      space.rootLevel = rootLevel
      let report = try verifier.verify(space)
      #expect(report.isAgreement)
      #expect(report.total.notRun.isEmpty, "nothing is skipped: \(report.total.notRun)")
    }
  }

  @Test("all features work, and two rules explain how the emulator differs")
  func examination() throws {
    let examination = try Examination.ofMachine(QEMUMachineFactory())
    #expect(examination.problem == nil)
    #expect(examination.features.allSatisfy { $0.outcome == .works && $0.isPromised })
    let profile = try #require(examination.profile)
    #expect(
      Set(profile.deviations) == [
        .reservedBitFaultWithoutPresent, .faultMarksLeaf(level: .pageDirectoryPointerTable),
      ])
  }

  @Test("the deviations are found at every address width", arguments: [32, 36, 40, 52] as [UInt8])
  func widths(_ width: UInt8) throws {
    let factory = try QEMUMachineFactory(physicalAddressWidth: width)
    let profile = try Calibrator(factory: factory).profile(trying: [])
    #expect(profile.physicalAddressWidth == width)
    #expect(profile.deviations.contains(.reservedBitFaultWithoutPresent))
    #expect(profile.features.contains(.oneGiBPages))
  }

  @Test("RAM above 4 GiB is where the tables say, and the hole below it is said to be one")
  func memoryAbove4GiB() throws {
    func mapping(_ name: String, _ linear: UInt64, _ physical: UInt64) -> Mapping {
      Mapping(
        name: name, linearAddress: LinearAddress(truncating: linear, width: .bits48),
        byteCount: 0x1_0000, target: .memory(GuestPhysicalAddress(truncating: physical)),
        properties: PageProperties(rights: [.read, .write, .execute]))
    }
    let space = AddressSpace(
      memoryByteCount: 6 << 30,
      mappings: [
        mapping("below", 0x10_0000, 0xbfff_0000), mapping("in the hole", 0x20_0000, 0xc000_0000),
        mapping("above", 0x30_0000, 0x1_0000_0000), mapping("ROM's place", 0x40_0000, 0xf_0000),
      ])
    let report = try Verifier(factory: QEMUMachineFactory()).verify(space)
    #expect(report.isAgreement)
    #expect(report.tallies[.mapping(0)]?.notRun.isEmpty == true)
    #expect(report.tallies[.mapping(1)]?.notRun[.unobservableAddress] == 3 * 16)
    #expect(report.tallies[.mapping(2)]?.notRun.isEmpty == true)
    #expect(report.tallies[.mapping(3)]?.notRun.isEmpty == true)
  }

  @Test(
    "the same random spaces have the same outcomes on KVM and on QEMU",
    .enabled(if: Host.hasKVM, "needs /dev/kvm"))
  func sameOutcomes() throws {
    var everything = SampleSpaces.everySizeAndRight
    everything.processor.isSMEPEnabled = true
    everything.processor.isSMAPEnabled = true
    everything.processor.isPKEEnabled = true
    let kvm = Verifier(factory: try KVMMachineFactory())
    let emulator = try QEMUMachineFactory(
      physicalAddressWidth: KVMMachineFactory().physicalAddressWidth)
    let qemu = Verifier(factory: emulator)
    let features = try #require(try kvm.profile(for: everything)).features
    let emulated = try #require(try qemu.profile(for: everything))
    let counts = Mutex((executed: 0, failures: [UInt64]()))
    DispatchQueue.concurrentPerform(iterations: 60) { index in
      let seed = UInt64(index) + 1000
      let space = RandomSpaces.space(seed: seed, features: features)
      // Each agrees with the model in every probe but for its own rules, so they agree with
      // each other but for both machines' rules.
      let first = try? kvm.verify(space)
      let second = try? qemu.verify(qemu.build(space, emulated), profile: emulated)
      counts.withLock {
        $0.executed += min(first?.total.executedCount ?? 0, second?.total.executedCount ?? 0)
        if first?.isAgreement != true || second?.isAgreement != true
          || first?.total.executedCount != second?.total.executedCount
        {
          $0.failures.append(seed)
        }
      }
    }
    let found = counts.withLock { $0 }
    print("random spaces on both machines: 60, \(found.executed) probes on each")
    #expect(found.failures.isEmpty)
    #expect(found.executed > 10_000)
  }
}
