// Whose manual a machine follows where the manuals differ, whatever its CPUID says.

import KVM
import MMU
import TestHosts
import Testing

@testable import Probe

/// A machine whose CPUID names another vendor.
private struct RenamedFactory: WrappedFactory {
  let inner: any MachineFactory
  let vendor: ProcessorVendor
  func wrap(_ machine: any Machine) -> any Machine { machine }
}

@Suite("A trial decides whether bit 8 of a PML4E is reserved")
struct VendorTrialTests {
  /// What the calibration finds of a machine that claims to be of `vendor`, with a page below every
  /// 8th root entry.
  private func profile(
    of factory: any MachineFactory, claiming vendor: ProcessorVendor
  ) throws -> MachineProfile {
    try Calibrator(factory: RenamedFactory(inner: factory, vendor: vendor))
      .profile(trying: [], rootIndices: Set(stride(from: 4, to: 255, by: 8)))
  }

  @Test("QEMU ignores the bit", .enabled(if: Host.hasQEMU, "\(Host.qemuReason)"))
  func qemu() throws {
    let factory = try QEMUMachineFactory()
    let honest = try profile(of: factory, claiming: .intel)
    #expect(honest.vendor == .intel)
    let claimed = try profile(of: factory, claiming: .amd)
    #expect(claimed.vendor == .intel && claimed.deviations == honest.deviations)
  }

  @Test(
    "KVM's machine is found to be what it is, whatever it claims",
    .enabled(if: Host.hasKVM, "\(Host.kvmReason)"))
  func kvm() throws {
    let factory = try KVMMachineFactory()
    let profiles = try [ProcessorVendor.amd, .intel].map {
      try profile(of: factory, claiming: $0)
    }
    #expect(profiles[0] == profiles[1])
    // Silicon follows the manual of the vendor that it names.
    if factory.identity.hostProcessor == .silicon { #expect(profiles[0].vendor == factory.vendor) }
  }
}
