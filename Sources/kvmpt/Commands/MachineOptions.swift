// MachineOptions: the options of every command that runs a guest.

import ArgumentParser
import Probe

/// What to do on a machine without KVM.
enum MissingKVMPolicy: String, ExpressibleByArgument, CaseIterable, Sendable {
  /// End with exit code 69.
  case fail
  /// End with exit code 77.
  case skip
  /// Compare what was asked with the model only, and say so in the report.
  case model
}

/// Which kind of machine runs the guest.
enum MachineKind: String, ExpressibleByArgument, CaseIterable, Sendable {
  /// This host's KVM.
  case kvm
  /// QEMU's emulator.
  case qemu
  /// KVM where it can be used, and QEMU elsewhere; the report says which it was.
  case auto
}

/// Which machine runs the guest.
struct MachineChoice: ParsableArguments {
  @Option(help: "The machine: KVM, QEMU's emulator, or the first of them that can be used.")
  var machine = MachineKind.kvm

  @Option(
    name: .customLong("kvm-device"),
    help: ArgumentHelp("The KVM device.", valueName: "path"))
  var devicePath = "/dev/kvm"

  @Option(
    name: .customLong("qemu"),
    help: ArgumentHelp("The QEMU program, a path or a name on PATH.", valueName: "path"))
  var qemuPath = QEMUMachineFactory.standardName

  @Option(
    name: .customLong("phys-bits"),
    help: ArgumentHelp("MAXPHYADDR of a QEMU machine, 32 to 52.", valueName: "bits"))
  var physicalAddressWidth: UInt8 = 48

  func validate() throws {
    guard (32...52).contains(physicalAddressWidth) else {
      throw ValidationError("--phys-bits takes 32 to 52, not \(physicalAddressWidth)")
    }
  }

  /// Opens the machine.
  ///
  /// Throws: why the last one that was tried cannot be used.
  func open() throws(MachineError) -> any MachineFactory {
    switch machine {
    case .kvm: return try KVMMachineFactory(devicePath: devicePath)
    case .qemu: return try openQEMU()
    case .auto:
      do throws(MachineError) {
        return try KVMMachineFactory(devicePath: devicePath)
      } catch {
        guard error.meansNoMachine else { throw error }
        return try openQEMU()
      }
    }
  }

  private func openQEMU() throws(MachineError) -> any MachineFactory {
    try QEMUMachineFactory(path: qemuPath, physicalAddressWidth: physicalAddressWidth)
  }
}

/// Which machine runs the guest, and for how long.
struct MachineOptions: ParsableArguments {
  @OptionGroup var choice: MachineChoice

  @Option(
    help: ArgumentHelp(
      "The time limit of the whole run, such as 500ms, 30s or 2m.", valueName: "time"))
  var timeout = TimeLimit(.seconds(60))
}
