// Remedy: what would give a machine what it lacks, as commands where there are any.

import KVM

/// Advice for a machine that cannot do everything.
public enum Remedy {
  /// What would make `feature` work.
  static func text(
    for feature: MachineFeature, isPromised: Bool, walker: TableWalker,
    hostHas: (_ flag: String) -> Bool = { hostProcessorHas(flag: $0) }
  ) -> String {
    let flag =
      switch feature {
      case .fiveLevelPaging: "la57"
      case .oneGiBPages: "pdpe1gb"
      case .noExecute: "nx"
      case .writeProtect: "lm"
      case .smep: "smep"
      case .smap: "smap"
      case .protectionKeys: "pku"
      case .supervisorProtectionKeys: "pks"
      }
    if walker == .pvm {
      return "KVM PVM does not do it: use a host with VMX or SVM, and there"
        + " sudo modprobe kvm_intel (or kvm_amd)"
    }
    if isPromised { return "this kernel's KVM offers it and does not do it: use a newer kernel" }
    if hostHas(flag) {
      return "the processor has it and KVM does not offer it: use a newer kernel"
    }
    guard hostHas("hypervisor") else {
      return "the processor lacks it: use one with '\(flag)' in /proc/cpuinfo"
    }
    return "start this virtual machine with it: qemu-system-x86_64 -accel kvm -cpu host,+\(flag)"
  }

  /// What would give this process a KVM device, one command or action per element.
  public static func steps(for error: MachineError) -> [String] {
    guard case .kvm(let error) = error else { return [error.hint] }
    switch error {
    case .noDevice(let path) where path != Device.standardPath,
      .notADevice(let path) where path != Device.standardPath,
      .notKVM(let path) where path != Device.standardPath:
      return ["kvmpt doctor --kvm-device \(Device.standardPath)"]
    case .noDevice, .noDriver: return [load(), "docker run --device /dev/kvm ... (in a container)"]
    case .permissionDenied(let path):
      return [
        "sudo usermod -aG kvm $USER, then log in again", "sudo chmod 666 \(path) (until restart)",
      ]
    case .pathWithNUL, .notADevice, .notKVM, .wrongAPIVersion, .call, .missingCapability:
      return [error.hint]
    }
  }

  /// The module that fits the processor.
  static func load(
    hostHas: (_ flag: String) -> Bool = { hostProcessorHas(flag: $0) }
  ) -> String {
    if hostHas("vmx") { return "sudo modprobe kvm_intel" }
    if hostHas("svm") { return "sudo modprobe kvm_amd" }
    guard hostHas("hypervisor") else {
      return "enable virtualization (VT-x or AMD-V) in the firmware, then sudo modprobe kvm_intel"
        + " or kvm_amd"
    }
    return "start this virtual machine with qemu-system-x86_64 -accel kvm -cpu host, then sudo"
      + " modprobe kvm_intel or kvm_amd; or sudo modprobe kvm_pvm where the kernel has it"
  }
}
