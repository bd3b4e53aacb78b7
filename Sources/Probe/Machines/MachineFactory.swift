// MachineFactory: somebody who makes machines of one kind. The experiment does not know which.

public import MMU

/// Makes machines of one kind, one per thread, and says what they promise.
///
/// What a machine promises is believed only after calibration has tried it.
public protocol MachineFactory: Sendable {
  /// Who executes.
  var identity: MachineIdentity { get }
  /// Whose manual the machine follows where the manuals differ.
  var vendor: ProcessorVendor { get }
  /// The vendor's name in CPUID.
  var vendorName: String { get }
  /// MAXPHYADDR as CPUID promises it.
  var physicalAddressWidth: UInt8 { get }
  /// The means that this kind of machine has at all, to make the host's changes visible.
  var possibleMeans: [HostChangeMeans] { get }
  /// What makes the host's changes of tables visible to a guest.
  var hostChangeMeans: HostChangeMeans { get }
  /// How many machines this host can run at once without their waiting for one another.
  var workerCount: Int { get }

  /// Physical addresses where a machine has neither RAM nor the devices of an address space.
  var memoryHoles: [Range<UInt64>] { get }

  /// Where RAM ends at the latest; above, the window may show it anywhere.
  var memoryLimit: UInt64 { get }

  /// What CPUID says about a feature.
  func promises(_ feature: MachineFeature) -> Bool

  /// A machine with `memory` as RAM, and the agent's slot at `agentAddress`.
  ///
  /// - Throws: ``MachineError`` when the host does not give memory or a guest.
  func makeMachine(
    memory: MachineMemory, agentAddress: UInt64, hostChangeMeans: HostChangeMeans
  ) throws(MachineError) -> any Machine
}

extension MachineFactory {
  /// Nowhere.
  public var memoryLimit: UInt64 { .max }

  /// A machine that shows the host's changes as it is done on this host.
  func makeMachine(
    memory: MachineMemory, agentAddress: UInt64
  ) throws(MachineError) -> any Machine {
    try makeMachine(
      memory: memory, agentAddress: agentAddress, hostChangeMeans: hostChangeMeans)
  }
}
