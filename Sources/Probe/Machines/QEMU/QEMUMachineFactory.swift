// QEMUMachineFactory: makes guests of QEMU's software MMU.

import KVM
public import MMU
import Synchronization

/// A QEMU program; makes machines, one process per machine.
///
/// The emulator needs neither KVM nor root. Its MMU is written by other hands than ours, so that
/// its agreement with the model means something.
public final class QEMUMachineFactory: MachineFactory {
  /// The program's usual name, looked for on PATH.
  public static let standardName = QEMUSettings.standardName

  let settings: QEMUSettings
  private let version = Mutex<String?>(nil)
  private let standardIdentity: MachineIdentity

  /// Who executes; QEMU says its version when the first machine has run a batch.
  public var identity: MachineIdentity {
    var identity = standardIdentity
    identity.programVersion = version.withLock { $0 } ?? ""
    return identity
  }

  /// Takes the version from the first machine that knows it.
  func noteVersion(of monitor: QEMUMonitor) {
    version.withLock { version in
      guard version == nil else { return }
      monitor.readGreeting()
      version = monitor.version
    }
  }

  /// Looks for the program.
  ///
  /// `path` is a path, or a name to be found on PATH; MAXPHYADDR is 32 to 52 bits.
  ///
  /// - Throws: ``MachineError/qemu(_:)``.
  public init(
    path: String = standardName, physicalAddressWidth: UInt8 = 48
  ) throws(MachineError) {
    do throws(QEMUError) {
      guard (32...52).contains(physicalAddressWidth) else {
        throw .unsupportedPhysicalAddressWidth(physicalAddressWidth)
      }
      settings = QEMUSettings(
        path: try QEMUSettings.find(path), physicalAddressWidth: physicalAddressWidth)
    } catch {
      throw .qemu(error)
    }
    standardIdentity = MachineIdentity(
      name: "QEMU", walker: .tcg, processorName: "QEMU's \"max\" processor",
      kernelRelease: hostKernelRelease(), hostProcessor: .ofHost())
  }

  /// The processor that the guest is told it is.
  public var vendor: ProcessorVendor { .intel }
  /// The vendor's name in CPUID.
  public var vendorName: String { "GenuineIntel" }
  /// MAXPHYADDR as CPUID promises it.
  public var physicalAddressWidth: UInt8 { settings.physicalAddressWidth }
  /// There are no memory slots to make anew.
  public var possibleMeans: [HostChangeMeans] { [.nothing, .guestFlush] }
  /// A guest forgets its translations at the start of each batch.
  public var hostChangeMeans: HostChangeMeans { .nothing }
  /// One emulator for two cores: its guest waits for batches without sleeping.
  public var workerCount: Int { max(1, processorCount() / 2) }
  /// Where a machine has devices and ROM.
  public var memoryHoles: [Range<UInt64>] { [QEMUMemory.hole] }

  /// The machine's RAM is one file, in the order of its addresses.
  public var memoryLimit: UInt64 { QEMUMemory.limit }

  /// The processor "max" promises all features.
  public func promises(_ feature: MachineFeature) -> Bool { true }

  /// A machine that starts with its first batch.
  ///
  /// - Throws: ``MachineError`` when the memory or the agent cannot be put in place.
  public func makeMachine(
    memory: MachineMemory, agentAddress: UInt64, hostChangeMeans: HostChangeMeans
  ) throws(MachineError) -> any Machine {
    try QEMUMachine(
      self, memory: memory, agentAddress: agentAddress, hostChangeMeans: hostChangeMeans)
  }
}
