// DeviatingMachine: a machine whose answers are changed, to see what is made of a wrong machine.

import GuestImages
import GuestMem
import MMU

@testable import Probe

/// Makes machines of another factory and changes what their guests answer.
struct DeviatingFactory: MachineFactory {
  let inner: any MachineFactory
  /// The error code in place of one of a page fault of `batch`.
  let change: @Sendable (_ errorCode: UInt64, _ batch: AgentBatch) -> UInt64

  var identity: MachineIdentity { inner.identity }
  var vendor: ProcessorVendor { inner.vendor }
  var vendorName: String { inner.vendorName }
  var physicalAddressWidth: UInt8 { inner.physicalAddressWidth }
  var hostChangeMeans: HostChangeMeans { inner.hostChangeMeans }
  var workerCount: Int { inner.workerCount }
  var possibleMeans: [HostChangeMeans] { inner.possibleMeans }
  var memoryHoles: [Range<UInt64>] { inner.memoryHoles }
  func promises(_ feature: MachineFeature) -> Bool { inner.promises(feature) }

  func makeMachine(
    memory: MachineMemory, agentAddress: UInt64, hostChangeMeans: HostChangeMeans
  ) throws(MachineError) -> any Machine {
    DeviatingMachine(
      try inner.makeMachine(
        memory: memory, agentAddress: agentAddress, hostChangeMeans: hostChangeMeans), change)
  }
}

final class DeviatingMachine: Machine {
  private let inner: any Machine
  private let change: @Sendable (UInt64, AgentBatch) -> UInt64

  init(_ inner: any Machine, _ change: @escaping @Sendable (UInt64, AgentBatch) -> UInt64) {
    self.inner = inner
    self.change = change
  }

  var ram: MemoryView { inner.ram }
  var agent: MemoryView { inner.agent }
  var agentAddress: UInt64 { inner.agentAddress }
  var memoryHoles: [Range<UInt64>] { inner.memoryHoles }
  func observe(devicesAt frames: [UInt64]) throws(MachineError) -> Set<UInt64> {
    try inner.observe(devicesAt: frames)
  }
  func showHostChanges() throws(MachineError) { try inner.showHostChanges() }
  func reset() throws(MachineError) { try inner.reset() }

  func run(
    _ batch: AgentBatch, deadline: ContinuousClock.Instant
  ) throws(MachineError) -> AgentBatchEnd {
    let end = try inner.run(batch, deadline: deadline)
    guard case .finished = end else { return end }
    let records = AgentRecords(in: agent)
    for index in 0..<batch.recordCount {
      let answer = records.answer(at: index)
      guard answer.hasFaulted, answer.vector == 14 else { continue }
      let place = UInt64(KVMPT_RECORDS + Int32(index) * KVMPT_RECORD_SIZE + KVMPT_RECORD_ERROR)
      agent.storeWord(
        change(answer.errorCode, batch), at: GuestPhysicalAddress(truncating: place))
    }
    return end
  }
}
