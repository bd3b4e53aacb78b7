// LiveMachine: a virtual machine with two processors on a table that stays in use while it changes.

import CKVM
import GuestMem
import KVM
import LiveMem
import MMU
import Synchronization

/// The machine, its memory, and the table that its processors use.
final class LiveMachine: Sendable {
  static let processorCount = 2
  /// The page that a processor reads; each has one, so that the two share tables and no page.
  static func page(_ processor: Int) throws -> LinearAddress {
    try LinearAddress(1 << 39 + UInt64(processor) << 12, width: .bits48)
  }

  let table: SharedPageTable<SharedPaging>
  let memory: MemoryView
  private let machine: Slots
  private let cpus: [Processor]

  init() throws {
    let ram = try GuestMemory(byteCount: 16 << 20, backing: .memoryFile)
    memory = ram.view
    GuestProgram.write(to: memory)

    let device = try Device()
    machine = Slots(try device.makeVirtualMachine(), memory)
    try machine.show()
    let supported = try device.supportedProcessor()

    // What the processors fault on meanwhile would bring old entries back on a host that shadows tables.
    let slots = machine
    let isShadowing = TableWalker.ofHost().isShadowing
    let mapping = try HostMapping(ram)
    var allocator = try FrameAllocator(byteCount: memory.byteCount, freeMemory: .zero)
    try allocator.reserve(0..<GuestProgram.end)
    table = try SharedPageTable(
      paging: PagingConfiguration(),
      pool: FramePool(memory: memory, byteCount: 1 << 20, allocator: &allocator),
      processors: ProcessorSet(count: Self.processorCount),
      flushing: .byHost(mapping, settle: { if isShadowing { try slots.waitForFaults() } }))
    try table.map(
      LinearAddress(GuestProgram.codeAddress, width: .bits48), byteCount: 0x1000,
      to: GuestPhysicalAddress(GuestProgram.codeAddress),
      properties: PageProperties(rights: [.read, .execute]))
    try table.map(
      LinearAddress(GuestProgram.tablesAddress, width: .bits48),
      byteCount: GuestProgram.end - GuestProgram.tablesAddress,
      to: GuestPhysicalAddress(GuestProgram.tablesAddress),
      properties: PageProperties(rights: [.read, .write]))

    cpus = try (0..<Self.processorCount).map { number in
      let cpu = try slots.makeProcessor(number)
      try cpu.setProcessor(supported)
      return Processor(cpu)
    }
    for (number, processor) in cpus.enumerated() {
      try processor.set(
        GuestProgram.specialRegisters(root: table.rootAddress),
        GuestProgram.registers(number, reading: Self.page(number)))
    }
  }

  /// Runs a processor until it is stopped; nil then, or why it stopped by itself.
  func run(_ number: Int) -> String? {
    do {
      // Before it loads CR3, and until it has no translation any more.
      try table.processors.activate(number)
      let end = try cpus[number].run()
      try table.processors.deactivate(number)
      return end == .kicked ? nil : "processor \(number) stopped: \(end)"
    } catch {
      return "processor \(number): \(error)"
    }
  }

  func stop() { for processor in cpus { processor.kick.kick() } }

  func counter(_ counter: GuestProgram.Counter, of processor: Int) -> UInt64 {
    memory.loadWord(
      at: GuestPhysicalAddress(
        truncating: GuestProgram.countersAddress(processor) + counter.rawValue * 8)) ?? 0
  }
}

/// A vCPU that one thread runs and any other may stop.
private final class Processor: Sendable {
  private let cpu: Mutex<VirtualCPU>
  let kick: VirtualCPUKick

  init(_ cpu: consuming sending VirtualCPU) {
    kick = cpu.kick
    self.cpu = Mutex(cpu)
  }

  func set(_ special: kvm_sregs, _ general: kvm_regs) throws {
    try cpu.withLock { cpu in
      try cpu.setSpecialRegisters(special)
      try cpu.setRegisters(general)
    }
  }

  func run() throws -> Exit {
    try cpu.withLock { cpu in
      while true {
        let exit = try cpu.run(limit: .seconds(3600))
        if exit != .timeLimitReached { return exit }
      }
    }
  }
}

/// The memory slots of a machine.
private final class Slots: Sendable {
  private let machine: VirtualMachine
  private let memory: MemoryView
  private let isLogging = Mutex(false)

  init(_ machine: consuming sending VirtualMachine, _ memory: MemoryView) {
    self.machine = machine
    self.memory = memory
  }

  func show() throws {
    machine.reserveHostPages(at: GuestPhysicalAddress(truncating: 0xfeff_c000))
    // SAFETY: the view keeps the memory as long as this object, which keeps the machine.
    try unsafe machine.setMemorySlot(
      0, at: GuestPhysicalAddress(truncating: 0), memory: memory.baseAddress,
      byteCount: memory.byteCount)
  }

  func makeProcessor(_ number: Int) throws -> VirtualCPU {
    try machine.makeVirtualCPU(identifier: number)
  }

  /// Changes the flags of a slot that no processor uses: KVM waits there until every processor that is
  /// outside of the guest has entered it again.
  func waitForFaults() throws {
    try isLogging.withLock { isLogging in
      // SAFETY: as above.
      try unsafe machine.setMemorySlot(
        1, at: GuestPhysicalAddress(truncating: 1 << 32), memory: memory.baseAddress,
        byteCount: 4096, logsDirtyPages: !isLogging)
      isLogging.toggle()
    }
  }
}
