// ModelMachine: a machine without a guest, whose accesses do what the model says.
//
// Lies about it take no time, and it has every feature on every host. What the model says of a real
// machine is tested elsewhere; here it is the honest machine.

import GuestImages
import GuestMem
import KVM
import MMU
import TestHosts

@testable import Probe

/// Makes machines that follow the manual to the letter.
struct ModelMachineFactory: MachineFactory {
  /// What they have, of what a machine can do without.
  var features = Set(MachineFeature.allCases)
  let identity = MachineIdentity(
    name: "the model as a machine", walker: .unknown, processorName: "none", kernelRelease: "none")
  let vendor = ProcessorVendor.intel
  let vendorName = "GenuineIntel"
  var physicalAddressWidth: UInt8 = 46
  let possibleMeans: [HostChangeMeans] = [.guestFlush, .slotRecreation]
  let hostChangeMeans = HostChangeMeans.guestFlush
  let workerCount = 2
  let memoryHoles: [Range<UInt64>] = []

  func promises(_ feature: MachineFeature) -> Bool { features.contains(feature) }

  func makeMachine(
    memory: MachineMemory, agentAddress: UInt64, hostChangeMeans: HostChangeMeans
  ) throws(MachineError) -> any Machine {
    try ModelMachine(
      memory: memory, agentAddress: agentAddress, physicalAddressWidth: physicalAddressWidth,
      features: features)
  }
}

/// Works through the agent's records as the model says that a processor would.
final class ModelMachine: Machine {
  private let ramOwner: GuestMemory
  private let agentOwner: GuestMemory
  private let ranges: [MachineMemoryRange]
  private let physicalAddressWidth: UInt8
  private let features: Set<MachineFeature>
  let agentAddress: UInt64
  let memoryHoles: [Range<UInt64>] = []

  init(
    memory: MachineMemory, agentAddress: UInt64, physicalAddressWidth: UInt8,
    features: Set<MachineFeature>
  ) throws(MachineError) {
    ramOwner = try memory.privateCopy()
    ranges = memory.ranges
    self.features = features
    do throws(GuestMemoryError) {
      agentOwner = try GuestMemory(byteCount: UInt64(KVMPT_SLOT_SIZE), backing: .anonymous)
    } catch {
      throw .memory(error)
    }
    self.agentAddress = agentAddress
    self.physicalAddressWidth = physicalAddressWidth
  }

  var ram: MemoryView { ramOwner.view }
  var agent: MemoryView { agentOwner.view }

  func observe(devicesAt frames: [UInt64]) -> Set<UInt64> { Set(frames) }

  func showHostChanges() {}

  func discardChanges() throws(MachineError) {
    do throws(GuestMemoryError) {
      try ramOwner.discardChanges()
    } catch {
      throw .memory(error)
    }
  }

  func reset() throws(MachineError) { try discardChanges() }

  func run(
    _ batch: AgentBatch, deadline: ContinuousClock.Instant
  ) throws(MachineError) -> AgentBatchEnd {
    try batch.check()
    for feature in MachineFeature.allCases
    where feature.isOn(in: batch.state) && !features.contains(feature) {
      throw .kvm(.missingCapability(name: feature.rawValue))
    }
    var run = ModelBatchRun(
      batch, agent: agent,
      processor: ModelProcessor(
        batch, memory: ProbeMemory(self, ranges: ranges), width: physicalAddressWidth,
        has1GiBPages: features.contains(.oneGiBPages)))
    run.run()
    return .finished(deviceWrites: run.deviceWrites)
  }
}
