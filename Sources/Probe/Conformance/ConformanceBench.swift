// ConformanceBench: a machine with the tables of some matrices, ready to run blocks.

import Glibc
import GuestImages
import GuestMem
import MMU

/// One virtual machine with the matrices of one root level.
final class ConformanceBench {
  let machine: any Machine
  let memory: ProbeMemory
  let slot: AgentSlot
  private(set) var tables: ConformanceTables
  /// The tables' words before any probe, from the first table on.
  private(set) var pristine: [UInt64] = []
  let matrices: [ConformanceMatrix]
  /// The number of each matrix of the plan in `matrices`, or nil.
  let positions: [Int?]
  private let rootLevel: Level
  /// The mode that the agent was last written for.
  private var agentSettings: ProcessorSettings?

  init(
    _ all: [ConformanceMatrix], rootLevel: Level, factory: any MachineFactory
  ) throws(MachineError) {
    var positions: [Int?] = []
    var chosen: [ConformanceMatrix] = []
    for matrix in all {
      if matrix.rootLevel == rootLevel {
        positions.append(chosen.count)
        chosen.append(matrix)
      } else {
        positions.append(nil)
      }
    }
    self.positions = positions
    matrices = chosen
    self.rootLevel = rootLevel
    let byteCount = ConformanceTables.byteCount(for: chosen)
    slot = try AgentSlot(besideMemoryOf: byteCount, rootLevel: rootLevel, factory)
    machine = try factory.makeMachine(
      memory: MachineMemory(zeroed: byteCount), agentAddress: slot.physicalAddress)
    memory = ProbeMemory(machine)
    tables = ConformanceTables(chosen, in: machine.ram)
    machine.stampPool()
    pristine = words()
  }

  /// Writes everything anew after a guest died.
  func recover() throws(MachineError) {
    try machine.reset()
    agentSettings = nil
    tables = ConformanceTables(matrices, in: machine.ram)
    machine.stampPool()
  }

  /// Makes the agent ready for a mode; its pages depend on NXE and the keys.
  func prepareAgent(for settings: ProcessorSettings) -> AgentMemory {
    let agent = AgentMemory(
      view: machine.agent, slot: slot, rootLevel: rootLevel, settings: settings)
    // Only NXE and the keys matter to what is written.
    if let written = agentSettings, written.isNoExecuteEnabled == settings.isNoExecuteEnabled,
      written.isPKEEnabled == settings.isPKEEnabled, written.pkru == settings.pkru
    {
      return agent
    }
    agentSettings = settings
    agent.write()
    memory.storeWord(
      agent.rootEntry,
      at: GuestPhysicalAddress(truncating: tables.root + UInt64(slot.rootIndex) * 8))
    return agent
  }

  /// The word at `address`, as it was before any probe.
  func pristineWord(at address: UInt64) -> UInt64 {
    pristine[Int((address - tables.root) / 8)]
  }

  /// The addresses of table words that are not as they were, the agent's root entry left out.
  func changedWords() -> [UInt64] {
    let now = words()
    let agentEntry = slot.rootIndex
    pristine[agentEntry] = now[agentEntry]
    // SAFETY: the two buffers are valid for the calls and have as many bytes as compared.
    let isUnchanged = unsafe now.withUnsafeBytes { left in
      unsafe pristine.withUnsafeBytes { right in
        guard let first = left.baseAddress, let second = right.baseAddress,
          left.count == right.count
        else { return false }
        return unsafe memcmp(first, second, left.count) == 0
      }
    }
    if isUnchanged { return [] }
    var changed: [UInt64] = []
    for index in now.indices where now[index] != pristine[index] && index != agentEntry {
      changed.append(tables.root + UInt64(index) * 8)
    }
    return changed
  }

  private func words() -> [UInt64] {
    let count = tables.tableFrames.reduce(0) { count, _ in count + 512 }
    return machine.ram.readWords(
      at: GuestPhysicalAddress(truncating: tables.root), count: count) ?? []
  }
}

extension Machine {
  /// Stamps the frames that leaves lead to.
  func stampPool() {
    for frame in stride(from: 0, to: ConformanceTables.poolByteCount, by: 4096) {
      ConformanceStamp.write(to: ConformanceTables.poolAddress + frame, in: ram)
    }
  }
}

extension AgentSlot {
  /// A place beside RAM of the given size, below root entry 255.
  init(
    besideMemoryOf byteCount: UInt64, rootLevel: Level, _ factory: any MachineFactory
  ) throws(MachineError) {
    let width = min(52, max(32, factory.physicalAddressWidth))
    guard
      let address = Self.physicalAddress(
        memoryByteCount: byteCount, occupied: factory.memoryHoles, addressWidth: width)
    else { throw .calibrationFailed(NotRunReason.noRoomForAgent.message) }
    self.init(physicalAddress: address, rootIndex: 255, rootLevel: rootLevel)
  }
}
