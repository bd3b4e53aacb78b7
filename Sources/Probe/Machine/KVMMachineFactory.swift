// KVMMachineFactory: makes guests on one KVM device.

import GuestMem
public import KVM
import MMU

/// The KVM device and what it offers; makes machines, one per thread.
public final class KVMMachineFactory: Sendable {
  private let device: Device
  /// The processor that guests see.
  public let processor: SupportedProcessor
  /// Who executes.
  public let identity: MachineIdentity

  /// What makes the host's changes of tables visible on this host.
  public var hostChangeMeans: HostChangeMeans {
    identity.walker.isShadowing ? .slotRecreation : .guestFlush
  }

  /// Opens the device.
  ///
  /// Throws: ``MachineError/kvm(_:)``, which says what to do about it.
  public init(devicePath: String = Device.standardPath) throws(MachineError) {
    do throws(KVMError) {
      device = try Device(path: devicePath)
      processor = try device.supportedProcessor()
    } catch {
      throw .kvm(error)
    }
    identity = MachineIdentity(
      name: "KVM", walker: TableWalker.ofHost(), processorName: hostProcessorName(),
      kernelRelease: hostKernelRelease())
  }

  /// A machine whose RAM is `ram`.
  func makeMachine(
    ram: consuming GuestMemory, agentAddress: UInt64
  ) throws(MachineError) -> KVMMachine {
    try KVMMachine(self, ram: ram, agentAddress: agentAddress)
  }

  func makeGuest(
    ram: MemoryView, agent: MemoryView, agentAddress: UInt64
  ) throws(MachineError) -> KVMGuest {
    do throws(KVMError) {
      return try KVMGuest(
        device: device, processor: processor, ram: ram, agent: agent, agentAddress: agentAddress,
        walker: identity.walker)
    } catch {
      throw .kvm(error)
    }
  }
}
