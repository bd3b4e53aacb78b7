// LieScene: a batch that is about to run, and what lies need to know of the memory around it.

import GuestMem
import MMU

@testable import Probe

/// What stays the same in all scenes on one machine.
struct LieSceneMaker {
  private let ranges: [MachineMemoryRange]
  private let width: UInt8
  private let has1GiBPages: Bool

  /// Of machines that `factory` makes with `memory`.
  init(_ factory: any MachineFactory, _ memory: MachineMemory) {
    ranges = memory.ranges.without(factory.memoryHoles)
    width = min(52, max(32, factory.physicalAddressWidth))
    has1GiBPages = factory.promises(.oneGiBPages)
  }

  func scene(of batch: AgentBatch, on machine: any Machine) -> LieScene {
    let memory = ProbeMemory(machine, ranges: ranges)
    return LieScene(
      batch, agent: machine.agent, memory: memory,
      ModelProcessor(batch, memory: memory, width: width, has1GiBPages: has1GiBPages))
  }
}

/// A batch before it runs.
struct LieScene {
  let batch: AgentBatch
  let memory: ProbeMemory
  let agent: MemoryView
  private let processor: ModelProcessor
  private let entriesRead = EntriesRead()

  /// The addresses of the entries that walks read, once they are known: to find them takes a walk for
  /// each record, and lies ask for each record.
  private final class EntriesRead {
    var addresses: Set<UInt64>?
  }

  fileprivate init(
    _ batch: AgentBatch, agent: MemoryView, memory: ProbeMemory, _ processor: ModelProcessor
  ) {
    self.batch = batch
    self.agent = agent
    self.memory = memory
    self.processor = processor
  }

  /// What will come of record `index`.
  func probe(_ index: Int) -> HonestProbe {
    let record = AgentRecordPlace(index)
    let address = record.load(\.address, in: agent)
    let walk = processor.walk(address)
    let kind: AccessKind =
      switch batch.loop {
      case .write: .write
      case .fetch: .fetch
      default: .read
      }
    return HonestProbe(
      index: index,
      key: ProbeKey(
        address: address, loop: batch.loop, privilege: batch.privilege, state: batch.state),
      steps: Array(walk.steps),
      outcome: processor.prediction(Access(kind), walk, at: batch.privilege).outcome,
      frame: walk.translation.map { $0.physicalAddress.rawValue & ~0xfff },
      askedValue: record.load(\.value, in: agent))
  }

  /// The record that makes the same probe, or nil where the batch does not.
  func probe(of key: ProbeKey) -> HonestProbe? {
    guard batch.loop == key.loop, batch.privilege == key.privilege, batch.state == key.state else {
      return nil
    }
    return (0..<batch.recordCount).first {
      AgentRecordPlace($0).load(\.address, in: agent) == key.address
    }.map(probe)
  }

  /// All records, where they are of a kind that lies are about: one access in one page.
  var probes: some Sequence<HonestProbe> {
    let count = [.read, .write, .fetch].contains(batch.loop) ? batch.recordCount : 0
    return (0..<count).lazy.map(probe).filter { $0.address & 0xfff <= 0xff8 }
  }

  /// A frame of memory with a stamp that is not the probe's: its neighbour, or that of another probe.
  func otherFrame(than probe: HonestProbe) -> UInt64? {
    if let frame = probe.frame, isStamped(frame ^ 0x1000) { return frame ^ 0x1000 }
    return (0..<batch.recordCount).lazy.map(self.probe).compactMap(\.frame).first {
      $0 != probe.frame && isStamped($0)
    }
  }

  /// True where no memory is.
  func isDevice(_ frame: UInt64) -> Bool { memory.kind(of: frame) == .none }

  /// True for memory that says which it is.
  func isStamped(_ frame: UInt64) -> Bool {
    memory.kind(of: frame) == .ram
      && memory.loadWord(at: GuestPhysicalAddress(truncating: frame + 8)) == frame && frame != 0
  }

  /// An entry of the table at `table` that no record's walk reads, one that is present if there is;
  /// nil where all are read.
  func unusedEntry(of table: UInt64) -> GuestPhysicalAddress? {
    let used = entriesRead.addresses ?? usedEntries()
    entriesRead.addresses = used
    let free = (0..<512).map { table + UInt64($0) * 8 }.filter { !used.contains($0) }
    let isPresent = { (address: UInt64) in
      (memory.loadWord(at: GuestPhysicalAddress(truncating: address)) ?? 0) & 0x21 == 1
    }
    let isEmpty = { (address: UInt64) in
      memory.loadWord(at: GuestPhysicalAddress(truncating: address)) == 0
    }
    return (free.first(where: isPresent) ?? free.first(where: isEmpty)).map {
      GuestPhysicalAddress(truncating: $0)
    }
  }

  /// The entries that the walks of the records, and of the agent, read.
  private func usedEntries() -> Set<UInt64> {
    var used: Set<UInt64> = []
    for index in 0..<batch.recordCount {
      for step in probe(index).steps { used.insert(step.entryAddress.rawValue) }
    }
    // The agent's own walks read the window's entry of the root.
    let window = batch.windowAddress >> (batch.state.cr4 >> 12 & 1 != 0 ? 48 : 39) & 511
    used.insert(batch.cr3 & PageTableEntry.Bit.address + window * 8)
    return used
  }
}
