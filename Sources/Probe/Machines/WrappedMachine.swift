// WrappedMachine: a machine that is another one in all that it does not do itself.

import GuestMem
import MMU

/// A machine around another one.
protocol WrappedMachine: Machine {
  /// The machine that does what this one does not do itself.
  var inner: any Machine { get }
}

extension WrappedMachine {
  var ram: MemoryView { inner.ram }
  var agent: MemoryView { inner.agent }
  var agentAddress: UInt64 { inner.agentAddress }
  var memoryHoles: [Range<UInt64>] { inner.memoryHoles }

  func observe(devicesAt frames: [UInt64]) throws(MachineError) -> Set<UInt64> {
    try inner.observe(devicesAt: frames)
  }

  func showHostChanges() throws(MachineError) { try inner.showHostChanges() }
  func discardChanges() throws(MachineError) { try inner.discardChanges() }
  func reset() throws(MachineError) { try inner.reset() }

  func run(
    _ batch: AgentBatch, deadline: ContinuousClock.Instant
  ) throws(MachineError) -> AgentBatchEnd {
    try inner.run(batch, deadline: deadline)
  }
}

/// Somebody who makes wrapped machines of one kind.
protocol WrappedFactory: MachineFactory {
  /// Who makes the machines inside.
  var inner: any MachineFactory { get }

  /// Puts a machine around `machine`.
  func wrap(_ machine: any Machine) -> any Machine
}

extension WrappedFactory {
  var identity: MachineIdentity { inner.identity }
  var vendor: ProcessorVendor { inner.vendor }
  var vendorName: String { inner.vendorName }
  var physicalAddressWidth: UInt8 { inner.physicalAddressWidth }
  var hostChangeMeans: HostChangeMeans { inner.hostChangeMeans }
  var possibleMeans: [HostChangeMeans] { inner.possibleMeans }
  var workerCount: Int { inner.workerCount }
  var memoryHoles: [Range<UInt64>] { inner.memoryHoles }
  var memoryLimit: UInt64 { inner.memoryLimit }
  func promises(_ feature: MachineFeature) -> Bool { inner.promises(feature) }

  func makeMachine(
    memory: MachineMemory, agentAddress: UInt64, hostChangeMeans: HostChangeMeans
  ) throws(MachineError) -> any Machine {
    wrap(
      try inner.makeMachine(
        memory: memory, agentAddress: agentAddress, hostChangeMeans: hostChangeMeans))
  }
}
