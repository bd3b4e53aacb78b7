// SequenceBench: a machine for sequences, whose tables are made anew for each.

import GuestImages
import GuestMem
import MMU

/// One virtual machine with stamped memory and room for tables.
final class SequenceBench {
  let machine: any Machine
  let memory: ProbeMemory
  let slot: AgentSlot
  let rootLevel: Level
  /// The frames of the tables that the last sequence used.
  private var frameCount = 0

  init(rootLevel: Level, factory: any MachineFactory) throws(MachineError) {
    let byteCount = SequenceSpace.tablesAddress + SequenceSpace.tablesByteCount
    self.rootLevel = rootLevel
    slot = try AgentSlot(besideMemoryOf: byteCount, rootLevel: rootLevel, factory)
    machine = try factory.makeMachine(
      memory: MachineMemory(zeroed: byteCount), agentAddress: slot.physicalAddress)
    memory = ProbeMemory(machine)
    machine.stampPool()
  }

  /// Writes the tables of `space` and the agent's way into them.
  func prepare(_ space: SequenceSpace, _ settings: ProcessorSettings) -> AgentMemory {
    machine.ram.fill(
      at: GuestPhysicalAddress(truncating: space.root),
      byteCount: UInt64(max(frameCount, space.frameCount)) * 4096)
    frameCount = space.frameCount
    for (place, word) in space.words {
      memory.storeWord(word, at: GuestPhysicalAddress(truncating: place))
    }
    return prepareAgent(space, settings)
  }

  /// Writes the agent for a mode.
  func prepareAgent(_ space: SequenceSpace, _ settings: ProcessorSettings) -> AgentMemory {
    let agent = AgentMemory(
      view: machine.agent, slot: slot, rootLevel: rootLevel, settings: settings)
    agent.write()
    memory.storeWord(
      agent.rootEntry,
      at: GuestPhysicalAddress(truncating: space.root + UInt64(slot.rootIndex) * 8))
    return agent
  }

  /// A new guest after one that died.
  func recover() throws(MachineError) {
    try machine.reset()
    machine.stampPool()
  }

  /// The tables' words.
  func words() -> [UInt64] {
    machine.ram.readWords(
      at: GuestPhysicalAddress(truncating: SequenceSpace.tablesAddress), count: frameCount * 512)
      ?? []
  }
}

/// Tables as they were at some time, and everything else as it is.
struct SnapshotMemory: PhysicalMemory {
  let words: [UInt64]
  let memory: ProbeMemory

  func loadWord(at address: GuestPhysicalAddress) -> UInt64? {
    let start = SequenceSpace.tablesAddress
    guard address.rawValue >= start, address.rawValue - start < UInt64(words.count) * 8 else {
      return memory.loadWord(at: address)
    }
    return words[Int((address.rawValue - start) / 8)]
  }
}
