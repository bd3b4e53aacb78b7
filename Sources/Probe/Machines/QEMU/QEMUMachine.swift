// QEMUMachine: runs the agent in a QEMU process.

internal import CKVM
internal import CLinux
import GuestImages
import GuestMem
import MMU
import Synchronization

/// A machine whose guest runs under QEMU's emulator.
///
/// The guest takes its batches from a mailbox in the agent's slot, because nobody outside can set
/// its registers.
final class QEMUMachine: KickableMachine {
  private let factory: QEMUMachineFactory
  private let memory: QEMUMemory
  let agentAddress: UInt64
  private let hostChangeMeans: HostChangeMeans
  private let pageAttributeTable: UInt64
  private var running: Running? {
    didSet {
      let connection = running?.process.monitor.connection
      interrupter.withLock { $0 = connection }
    }
  }
  private let agentKick: AgentKick
  /// Interrupts the guest of the present process.
  private let interrupter = Mutex<QEMUConnection?>(nil)

  /// A process and what its ROM was made for.
  private final class Running {
    let process: QEMUProcess
    let windowAddress: UInt64
    let rootLevel: Level
    let memoryByteCount: UInt64
    /// The number of the last batch.
    var request: UInt64 = 0

    init(
      _ process: consuming QEMUProcess, windowAddress: UInt64, rootLevel: Level,
      memoryByteCount: UInt64
    ) {
      self.process = process
      self.windowAddress = windowAddress
      self.rootLevel = rootLevel
      self.memoryByteCount = memoryByteCount
    }
  }

  /// How often a guest is looked at that does not finish.
  private static let patience: Duration = .milliseconds(100)
  /// How often it may be found to have run and to have finished no record: see the same limit of
  /// ``KVMMachine``.
  private static let patienceLimit = 20
  /// How long a guest that uses no processor may go without finishing a record.
  private static let sleepLimit: Duration = .seconds(10)
  /// How long a process may take to its first batch.
  private static let startLimit: Duration = .seconds(10)

  init(
    _ factory: QEMUMachineFactory, memory: MachineMemory, agentAddress: UInt64,
    hostChangeMeans: HostChangeMeans
  ) throws(MachineError) {
    self.factory = factory
    self.agentAddress = agentAddress
    self.hostChangeMeans = hostChangeMeans
    pageAttributeTable = memory.pageAttributeTable
    do throws(GuestMemoryError) {
      self.memory = try QEMUMemory(memory, agentAddress: agentAddress)
    } catch {
      throw .memory(error)
    }
    agentKick = AgentKick(self.memory.agent)
  }

  var ram: MemoryView { memory.ram }
  var agent: MemoryView { memory.agent }
  var memoryHoles: [Range<UInt64>] { factory.memoryHoles }

  /// Every batch starts with a load of CR3, which makes the emulator forget all translations.
  func showHostChanges() {}

  func observe(devicesAt frames: [UInt64]) throws(MachineError) -> Set<UInt64> {
    var observed: Set<UInt64> = []
    do throws(GuestMemoryError) {
      for frame in frames
      where try memory.observe(frame, physicalAddressWidth: factory.physicalAddressWidth) {
        observed.insert(frame)
      }
    } catch {
      throw .memory(error)
    }
    return observed
  }

  /// The guest waits in the agent's slot meanwhile, and uses nothing else.
  func discardChanges() throws(MachineError) {
    do throws(GuestMemoryError) {
      try memory.discardChanges()
    } catch {
      throw .memory(error)
    }
  }

  /// A load of CR3, with which each batch begins, makes the emulator forget all translations.
  package func dropTranslations(within limit: Duration) throws(MachineError) -> Bool {
    agentKick.callGuest(within: limit) {
      // A process that is gone runs no guest.
      interrupter.withLock { $0?.injectNMI() }
    }
  }

  func reset() throws(MachineError) {
    running = nil
    do throws(GuestMemoryError) {
      try memory.restore()
    } catch {
      throw .memory(error)
    }
  }

  func run(
    _ batch: AgentBatch, deadline: ContinuousClock.Instant
  ) throws(MachineError) -> AgentBatchEnd {
    try batch.check()
    // The agent counts down and ends at 0.
    if batch.recordCount == 0 { return .finished(deviceWrites: [:]) }
    do throws(QEMUError) {
      let running = try process(for: batch)
      memory.stampDevices()
      agentKick.beginRun(hasGates: false)
      defer { agentKick.endRun() }
      post(batch, running)
      let end = try wait(for: batch.recordCount, running, deadline)
      factory.noteVersion(of: running.process.monitor)
      return end
    } catch {
      throw .qemu(error)
    }
  }

  /// The running process, or a new one where another kind of tables or more RAM is needed.
  private func process(for batch: AgentBatch) throws(QEMUError) -> Running {
    let rootLevel: Level = batch.state.cr4 >> 12 & 1 != 0 ? .pageMapLevel5 : .pageMapLevel4
    if let running, running.windowAddress == batch.windowAddress, running.rootLevel == rootLevel,
      running.memoryByteCount == memory.byteCount
    {
      return running
    }
    running = nil
    agent.fill(
      at: GuestPhysicalAddress(truncating: UInt64(KVMPT_PARAMETERS)),
      byteCount: UInt64(KVMPT_MAIL_SIZE))
    let rom = ResetROM(
      agentAddress: agentAddress, windowAddress: batch.windowAddress, rootLevel: rootLevel,
      pageAttributeTable: pageAttributeTable)
    let started = Running(
      try QEMUProcess(factory.settings, memory: memory, rom: rom.bytes),
      windowAddress: batch.windowAddress, rootLevel: rootLevel, memoryByteCount: memory.byteCount)
    // Before the guest gets a batch that may end it.
    switch started.process.monitor.waitUntilReady(deadline: .now + Self.startLimit) {
    case .ready: break
    case .closed: throw started.process.reasonForEnd()
    // Of a host that is that busy nothing is held against the machine.
    case .silent: throw .guestDoesNotStart(path: factory.settings.path)
    }
    running = started
    return started
  }

  /// Writes the batch's registers into the mailbox, and its number last.
  private func post(_ batch: AgentBatch, _ running: Running) {
    let start = AgentStart(batch)
    func store(_ word: UInt64, _ offset: Int32) {
      agent.storeWord(word, at: GuestPhysicalAddress(truncating: UInt64(offset)))
    }
    for (index, word) in start.frame.enumerated() {
      store(word, KVMPT_START_FRAME + Int32(index) * 8)
    }
    let general = start.registers(flushes: hostChangeMeans == .guestFlush)
    let special = start.specialRegisters
    let mail: [(Int32, UInt64)] = [
      (KVMPT_MAIL_CR0, special.cr0), (KVMPT_MAIL_CR3, special.cr3),
      (KVMPT_MAIL_CR4, special.cr4), (KVMPT_MAIL_EFER, special.efer),
      (KVMPT_MAIL_PKRU, UInt64(batch.state.pkru) | UInt64(batch.state.pkrs) << 32),
      (KVMPT_MAIL_RIP, general.rip),
      (KVMPT_MAIL_RSP, general.rsp), (KVMPT_MAIL_RCX, general.rcx),
      (KVMPT_MAIL_RSI, general.rsi), (KVMPT_MAIL_RDX, general.rdx),
      // LGDT and LIDT read ten bytes. Source: Intel SDM volume 3A, section 2.4.
      (KVMPT_MAIL_GDTR, UInt64(special.gdt.limit) | special.gdt.base << 16),
      (KVMPT_MAIL_GDTR + 8, special.gdt.base >> 48),
      (KVMPT_MAIL_IDTR, UInt64(special.idt.limit) | special.idt.base << 16),
      (KVMPT_MAIL_IDTR + 8, special.idt.base >> 48),
    ]
    for (offset, word) in mail { store(word, KVMPT_PARAMETERS + offset) }
    running.request += 1
    store(running.request, KVMPT_PARAMETERS + KVMPT_MAIL_REQUEST)
  }

  /// Waits until the guest has done the batch, or does not come back.
  private func wait(
    for recordCount: Int, _ running: Running, _ deadline: ContinuousClock.Instant
  ) throws(QEMUError) -> AgentBatchEnd {
    let done = GuestPhysicalAddress(truncating: UInt64(KVMPT_PARAMETERS + KVMPT_MAIL_DONE))
    let begin = ContinuousClock.now
    var patienceEnd = begin + (running.request == 1 ? Self.startLimit : Self.patience)
    var remaining = UInt64(recordCount)
    var stalls = 0
    var looks = 0
    var lastTime = running.process.processorTime()
    var lastProgress = begin
    while agent.loadWord(at: done) != running.request {
      looks += 1
      if looks < 1000 { continue }
      pauseBriefly()
      switch running.process.monitor.nextEvent() {
      case .shutdown?:
        return .died(
          .shutdown, record: suspect(counter(running) ?? 0, recordCount))
      case .closed?:
        let reason = running.process.reasonForEnd()
        self.running = nil
        throw reason
      case nil: break
      }
      guard ContinuousClock.now >= patienceEnd || ContinuousClock.now >= deadline else { continue }
      guard let left = counter(running) else {
        throw .monitorDoesNotAnswer(path: factory.settings.path)
      }
      if running.request == 1, ContinuousClock.now - begin > Self.startLimit {
        throw .guestDoesNotStart(path: factory.settings.path)
      }
      // More records than there are: whatever runs there is not the agent any more.
      if left > UInt64(recordCount) { return death(running, at: nil) }
      // A guest that gets no processor cannot get on: time that it used is held against it, and of
      // one that sleeps only a long time.
      let time = running.process.processorTime()
      let hasRun = time.flatMap { time in lastTime.map { time - $0 >= Self.patience / 2 } } ?? true
      if left != remaining {
        stalls = 0
        lastProgress = ContinuousClock.now
      } else if hasRun || ContinuousClock.now - lastProgress > Self.sleepLimit {
        stalls += 1
      }
      if hasRun { lastTime = time }
      remaining = left
      if stalls >= Self.patienceLimit {
        return death(running, at: suspect(left, recordCount))
      }
      if ContinuousClock.now >= deadline { return .unfinished }
      patienceEnd = ContinuousClock.now + Self.patience
    }
    return .finished(deviceWrites: memory.deviceWrites())
  }

  /// The end of a guest that does not get on; one whose triple fault was told meanwhile did not hang.
  private func death(_ running: Running, at record: Int?) -> AgentBatchEnd {
    if case .shutdown? = running.process.monitor.nextEvent() {
      return .died(.shutdown, record: record)
    }
    return .died(.hang, record: record)
  }

  private func counter(_ running: Running) -> UInt64? {
    running.process.monitor.recordCounter(deadline: ContinuousClock.now + .seconds(2))
  }

  /// The record that a guest with `left` in RCX was at.
  private func suspect(_ left: UInt64, _ recordCount: Int) -> Int? {
    left >= 1 && left <= UInt64(recordCount) ? recordCount - Int(left) : nil
  }
}
