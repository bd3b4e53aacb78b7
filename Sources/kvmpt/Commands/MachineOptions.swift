// MachineOptions: the options of every command that runs a guest.

import ArgumentParser
import KVM
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
  /// KVM where it can be used, and QEMU for the rest; the report says which machine answered what.
  case auto
  /// Both, about everything; the report says where they differ.
  case both = "kvm,qemu"
}

/// Which machine runs the guest.
struct MachineChoice: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The machine: KVM, QEMU's emulator, KVM with QEMU for what it cannot do (auto), or both"
        + " about everything.", valueName: "machine"))
  var machine = MachineKind.kvm

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

  /// The KVM device.
  var devicePath: String { givenDevicePath ?? "/dev/kvm" }
  /// The QEMU program.
  var qemuPath: String { givenQEMUPath ?? QEMUMachineFactory.standardName }

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
        throw ValidationError("\(option) is about QEMU: pass --machine qemu or auto, too")
      }
    case .qemu where givenDevicePath != nil:
      throw ValidationError("--kvm-device is about KVM, and --machine qemu does not use it")
    case .qemu, .auto, .both: break
    }
  }

  /// Refuses two machines where a command asks one.
  func refuseBoth() throws(CommandFailure) {
    guard machine == .both else { return }
    throw CommandFailure(
      .usage, "--machine kvm,qemu is about verify, and this command examines one machine",
      hint: "run it once with --machine kvm and once with --machine qemu")
  }

  /// Opens the machine, the first of two.
  ///
  /// - Throws: why the last one that was tried cannot be used.
  func open() throws(MachineError) -> any MachineFactory {
    switch machine {
    case .kvm, .both: return try KVMMachineFactory(devicePath: devicePath)
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

  /// Somebody who asks the machine, and after it the second one where there are two.
  ///
  /// - Throws: why the last machine that was tried cannot be used; of both the first that cannot.
  func verifier() throws(MachineError) -> Verifier {
    var verifier = Verifier(factory: try open())
    switch machine {
    case .kvm, .qemu: break
    case .auto where verifier.machineIdentity?.walker != .tcg:
      verifier.second = SecondMachine(asked: .unproved) { () throws(MachineError) in
        try openQEMU()
      }
    case .auto: break
    case .both:
      let other = try openQEMU()
      verifier.second = SecondMachine(asked: .everything) { () throws(MachineError) in other }
    }
    return verifier
  }

  /// Somebody who asks QEMU alone where `verifier` found that KVM, though it opens, makes no guest;
  /// nil where the choice leaves no other machine.
  func alternative(to verifier: Verifier) -> Verifier? {
    guard machine == .auto, verifier.second != nil else { return nil }
    return (try? openQEMU()).map { Verifier(factory: $0) }
  }

  private func openQEMU() throws(MachineError) -> any MachineFactory {
    try QEMUMachineFactory(
      path: qemuPath, physicalAddressWidth: givenPhysicalAddressWidth ?? 48)
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
