// BootMachineChoice: the options that choose the machine of a kernel.

import ArgumentParser
import Boot
import Probe

/// Which kind of machine boots the kernel.
enum BootMachineKind: String, ExpressibleByArgument, CaseIterable, Sendable {
  case kvm, qemu, auto
}

/// Which machine boots the kernel.
struct BootMachineChoice: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The machine: KVM, QEMU's emulator, or KVM and QEMU for what it cannot do (auto).",
      valueName: "machine"))
  var machine = BootMachineKind.auto

  @Option(
    name: .customLong("kvm-device"),
    help: ArgumentHelp("The KVM device. (default: /dev/kvm)", valueName: "path"))
  var givenDevicePath: String?

  @Option(
    name: .customLong("qemu"),
    help: ArgumentHelp(
      "The QEMU program, a path or a name on PATH. (default: \(QEMUMachineFactory.standardName))",
      valueName: "path"))
  var givenQEMUPath: String?

  @Option(
    name: .customLong("phys-bits"),
    help: ArgumentHelp(
      "MAXPHYADDR of a QEMU machine, 32 to 52. (default: 48)", valueName: "bits"))
  var givenPhysicalAddressWidth: UInt8?

  func validate() throws {
    if let width = givenPhysicalAddressWidth, !(32...52).contains(width) {
      throw ValidationError("--phys-bits takes 32 to 52, not \(width)")
    }
    // An option that changes nothing would let its user believe that it did.
    switch machine {
    case .kvm:
      for (option, isGiven) in [
        ("--qemu", givenQEMUPath != nil), ("--phys-bits", givenPhysicalAddressWidth != nil),
      ] where isGiven {
        throw ValidationError("\(option) is about QEMU, and --machine kvm does not use it")
      }
    case .qemu where givenDevicePath != nil:
      throw ValidationError("--kvm-device is about KVM, and --machine qemu does not use it")
    // A kernel that KVM boots would have another width than was asked for.
    case .auto where givenPhysicalAddressWidth != nil:
      throw ValidationError(
        "--phys-bits is about QEMU, which auto may not use: pass --machine qemu")
    case .qemu, .auto: break
    }
  }

  /// The KVM device.
  var devicePath: String { givenDevicePath ?? "/dev/kvm" }
  /// The QEMU program.
  var qemuPath: String { givenQEMUPath ?? QEMUMachineFactory.standardName }
}
