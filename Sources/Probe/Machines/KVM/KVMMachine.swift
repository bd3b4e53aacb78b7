// KVMMachine: runs the agent under KVM.

internal import CKVM
internal import CLinux
import GuestImages
import GuestMem
import KVM
import MMU
import Synchronization

/// A machine whose guest runs under KVM.
final class KVMMachine: KickableMachine {
  // The guest goes first: while its slots exist, the kernel follows every change of their mappings.
  private var guest: KVMGuest
  /// The window on guest RAM.
  let ram: MemoryView
  /// The copy that the window shows; nil for RAM that is shared with others.
  private let ramCopy: GuestMemory?
  private let contents: MachineMemory
  private let agentOwner: GuestMemory
  private let factory: KVMMachineFactory
  let agentAddress: UInt64
  /// The flag of the slot whose changes wait for vCPUs; several threads change it in turns.
  private let settlingFlag = Mutex(false)
  /// What makes the host's changes of tables visible.
  private let hostChangeMeans: HostChangeMeans
  private let agentKick: AgentKick
  /// Ends the runs of the present guest's vCPU.
  private let cpuKick: Mutex<VirtualCPUKick>

  /// How long a kernel that cannot let a guest run, for want of a thread, is asked again.
  private static let refusalLimit: Duration = .seconds(3)
  /// How often a guest is looked at.
  private static let lookInterval: Duration = .milliseconds(100)
  /// How much processor time a guest may use without finishing a record.
  ///
  /// On a busy host a guest that does not get the processor has not stalled. In a virtual machine
  /// whose own host is busy the time that others took counts as used: with five jobs for each
  /// processor there, records took up to 0.3 seconds, so that there must be room.
  private static let patience: Duration = .seconds(2)

  init(
    _ factory: KVMMachineFactory, memory: MachineMemory, agentAddress: UInt64,
    hostChangeMeans: HostChangeMeans
  ) throws(MachineError) {
    let ram: MemoryView
    if let shared = memory.sharedView {
      do throws(GuestMemoryError) {
        try memory.check()
      } catch {
        throw .memory(error)
      }
      ram = shared
      ramCopy = nil
    } else {
      let copy = try memory.privateCopy()
      ram = copy.view
      ramCopy = consume copy
    }
    let agent: GuestMemory
    do throws(GuestMemoryError) {
      agent = try GuestMemory(byteCount: UInt64(KVMPT_SLOT_SIZE), backing: .anonymous)
    } catch {
      throw .memory(error)
    }
    guest = try factory.makeGuest(
      ram: ram, contents: memory, agent: agent.view, agentAddress: agentAddress)
    cpuKick = Mutex(guest.cpu.kick)
    agentKick = AgentKick(agent.view)
    contents = memory
    self.factory = factory
    self.hostChangeMeans = hostChangeMeans
    self.agentAddress = agentAddress
    self.ram = ram
    agentOwner = agent
  }

  var agent: MemoryView { agentOwner.view }

  var memoryHoles: [Range<UInt64>] { factory.memoryHoles }

  /// An access without RAM behind it leaves the guest, and says where it went.
  func observe(devicesAt frames: [UInt64]) -> Set<UInt64> { Set(frames) }

  func showHostChanges() throws(MachineError) {
    guard hostChangeMeans == .slotRecreation else { return }
    do throws(KVMError) {
      try guest.recreateAgentSlot(agent, at: agentAddress)
    } catch {
      throw .kvm(error)
    }
  }

  /// Waits until no vCPU is between a walk of the guest's tables and what KVM derives from it; the guest
  /// may run meanwhile, on another thread.
  package func settle() throws(MachineError) {
    let agent = agent
    // Behind the window's tables, where the guest's root leads nowhere.
    let address = agentAddress + 4 * UInt64(KVMPT_SLOT_SIZE)
    do throws(KVMError) {
      try settlingFlag.withLock { flag throws(KVMError) in
        try guest.settle(agent, at: address, isLogging: &flag)
      }
    } catch {
      throw .kvm(error)
    }
  }

  package func dropTranslations(within limit: Duration) throws(MachineError) -> Bool {
    guard hostChangeMeans == .guestFlush else {
      throw .kvm(.missingCapability(name: "batches that begin with dropping every translation"))
    }
    return agentKick.callGuest(within: limit) { cpuKick.withLock { $0.kick() } }
  }

  func reset() throws(MachineError) {
    guest = try factory.makeGuest(
      ram: ram, contents: contents, agent: agent, agentAddress: agentAddress)
    cpuKick.withLock { $0 = guest.cpu.kick }
    try discardChanges()
  }

  func discardChanges() throws(MachineError) {
    do throws(GuestMemoryError) {
      // What others see as well is not this machine's to give up.
      try ramCopy?.discardChanges()
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
    agentKick.beginRun(hasGates: true)
    defer { agentKick.endRun() }
    do throws(KVMError) {
      try setRegisters(for: batch)
      return try run(batch.recordCount, deadline)
    } catch {
      throw .kvm(error)
    }
  }

  private func setRegisters(for batch: AgentBatch) throws(KVMError) {
    let start = AgentStart(batch)
    for (index, word) in start.frame.enumerated() {
      agent.storeWord(
        word,
        at: GuestPhysicalAddress(truncating: UInt64(KVMPT_START_FRAME) + UInt64(index) * 8))
    }
    try guest.cpu.setSpecialRegisters(start.specialRegisters)
    if batch.state.cr4 >> 22 & 1 != 0 {
      guard let offset = factory.processor.pkruOffset else {
        throw .missingCapability(name: "PKRU in the XSAVE area")
      }
      try guest.cpu.setPKRU(batch.state.pkru, offset: offset)
    }
    // IA32_PKRS.
    if batch.state.cr4 >> 24 & 1 != 0 { try guest.cpu.setMSR(0x6e1, to: UInt64(batch.state.pkrs)) }
    try guest.cpu.setRegisters(
      start.registers(flushes: hostChangeMeans == .guestFlush))
  }

  /// Runs until the agent says that it is done, or does not come back.
  private func run(
    _ recordCount: Int, _ deadline: ContinuousClock.Instant
  ) throws(KVMError) -> AgentBatchEnd {
    var deviceWrites: [UInt64: UInt64] = [:]
    var remaining = UInt64(recordCount)
    var lastProgress = Self.threadTime()
    while true {
      let exit = try runForAWhile(until: deadline)
      switch exit {
      case .portWrite(let port, _, _) where port == UInt16(KVMPT_EXIT_PORT):
        return .finished(deviceWrites: deviceWrites)
      case .mmioRead(let address, _):
        guest.cpu.answerMMIORead(address.rawValue & ~0xfff)
      case .mmioWrite(let address, _, let value):
        deviceWrites[value] = address.rawValue
      case .kicked: try guest.cpu.injectNMI()
      case .timeLimitReached:
        let left = try guest.cpu.registers().rcx
        // More records than there are: whatever runs there is not the agent any more.
        if left > UInt64(recordCount) { return .died(.hang, record: nil) }
        let now = Self.threadTime()
        if left != remaining { lastProgress = now }
        remaining = left
        if now - lastProgress >= Self.patience {
          return .died(.hang, record: suspect(left, recordCount))
        }
        if ContinuousClock.now >= deadline { return .unfinished }
      case .shutdown: return .died(.shutdown, record: try suspect(recordCount))
      case .internalError: return .died(.emulationFailure, record: try suspect(recordCount))
      case .portWrite, .portRead, .halted, .entryFailed, .debug, .other:
        return .died(.unexpectedExit(exit.id), record: try suspect(recordCount))
      }
    }
  }

  /// Runs until the guest exits or has to be looked at.
  private func runForAWhile(until deadline: ContinuousClock.Instant) throws(KVMError) -> Exit {
    let start = ContinuousClock.now
    while true {
      do throws(KVMError) {
        return try guest.cpu.run(limit: Self.lookInterval)
      } catch {
        // The guest did not run. Where others use up a limit of processes, that may pass.
        guard error == .call(.run, errorNumber: EAGAIN) else { throw error }
        let now = ContinuousClock.now
        guard now - start < Self.refusalLimit && now < deadline else { throw error }
      }
    }
  }

  /// The processor time that this thread has used, its guest's included.
  private static func threadTime() -> Duration {
    let nanoseconds = clinux_thread_time()
    return nanoseconds < 0 ? .zero : .nanoseconds(nanoseconds)
  }

  private func suspect(_ recordCount: Int) throws(KVMError) -> Int? {
    suspect(try guest.cpu.registers().rcx, recordCount)
  }

  /// The record that a guest with `left` in RCX was at.
  private func suspect(_ left: UInt64, _ recordCount: Int) -> Int? {
    left >= 1 && left <= UInt64(recordCount) ? recordCount - Int(left) : nil
  }
}
