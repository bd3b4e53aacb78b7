// HostProcessor: whether the processor below this host's KVM is silicon, or an emulator's.

internal import CLinux

/// What the host's own processor is, which walks the tables that KVM gives it.
///
/// Inside a guest of QEMU's emulator, KVM works as on any host, and what its guests see is the
/// emulator's idea of nested or shadow paging. Inside a guest of another hypervisor the processor is
/// silicon.
public enum HostProcessor: String, CaseIterable, Hashable, Sendable {
  /// A processor made of silicon, whatever hypervisors are in between.
  case silicon
  /// QEMU's emulator, TCG.
  case qemuTCG = "qemu-tcg"

  /// The processor that this process runs on.
  ///
  /// Source: Intel SDM volume 2A, CPUID (leaf 1, ECX bit 31 is left to hypervisors), and the leaves
  /// from 0x40000000 on, where QEMU's emulator says `TCGTCGTCGTCG`.
  public static func ofHost() -> HostProcessor {
    of(signature: hypervisorSignature(), processorName: hostProcessorName())
  }

  /// The processor by what a hypervisor says and by its own name.
  static func of(signature: String?, processorName: String) -> HostProcessor {
    if signature == "TCGTCGTCGTCG" { return .qemuTCG }
    // A machine with `hypervisor=off` or `tcg-cpuid=off` still has the emulator's processor name.
    return processorName.hasPrefix("QEMU TCG CPU") ? .qemuTCG : .silicon
  }

  /// The words for a report, behind the name of a walker; empty for silicon.
  public var remark: String { self == .silicon ? "" : ", emulated by QEMU TCG" }

  /// The twelve characters by which a hypervisor names itself, or nil without one.
  private static func hypervisorSignature() -> String? {
    signature(features: clinux_cpuid(1).ecx, clinux_cpuid(0x4000_0000))
  }

  /// The same by ECX of leaf 1 and the registers of leaf 0x40000000.
  static func signature(features: UInt32, _ registers: clinux_cpuid_registers) -> String? {
    guard features >> 31 == 1 else { return nil }
    var bytes: [UInt8] = []
    for register in [registers.ebx, registers.ecx, registers.edx] {
      for shift in stride(from: UInt32(0), to: 32, by: 8) {
        bytes.append(UInt8(truncatingIfNeeded: register >> shift))
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
