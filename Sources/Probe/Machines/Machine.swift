// Machine: something that runs the agent. The experiment does not know which.

public import GuestMem
public import MMU

/// A guest with RAM and an agent, ready to run batches of probes.
public protocol Machine: AnyObject {
  /// The window on guest RAM; its memory's ranges say where in guest-physical memory it is.
  var ram: MemoryView { get }
  /// The agent's slot.
  var agent: MemoryView { get }
  /// Where the agent's slot is in guest-physical memory.
  var agentAddress: UInt64 { get }

  /// Runs the records that stand in the agent's slot.
  ///
  /// - Throws: ``MachineError`` when the machine itself fails or nobody could run such a batch; a
  ///   guest that dies is an answer.
  func run(_ batch: AgentBatch, deadline: ContinuousClock.Instant) throws(MachineError)
    -> AgentBatchEnd

  /// Physical addresses below the end of RAM where there is none.
  var memoryHoles: [Range<UInt64>] { get }

  /// Prepares for accesses to the pages at `frames`, where no RAM is.
  ///
  /// - Returns: those of them for which a batch can tell that an access went there.
  func observe(devicesAt frames: [UInt64]) throws(MachineError) -> Set<UInt64>

  /// Makes what the host changed in tables visible to every later access of the guest.
  func showHostChanges() throws(MachineError)

  /// Gives up RAM's private changes, and the memory that they take; the guest goes on.
  func discardChanges() throws(MachineError)

  /// Gives up RAM's private changes and starts a new guest in place of one that died.
  func reset() throws(MachineError)
}

extension Machine {
  /// Keeps the changes, which harm nobody.
  ///
  /// - Throws: nothing; other machines may fail.
  public func discardChanges() throws(MachineError) {}
}

/// What the agent is to do with the records in its slot.
public struct AgentBatch: Hashable, Sendable {
  /// Which loop works through them.
  public enum Loop: UInt64, Sendable {
    /// A load of 8 bytes.
    case read = 0
    /// A store of 8 bytes.
    case write = 1
    /// A jump to the record's address.
    case fetch = 2
    /// A locked operation that leaves the word as it is, and counts as a write.
    case lockedOr = 3
    /// A push of the record's own address; the address is where RSP stands before.
    case push = 4
    /// A near call, likewise.
    case call = 5
    /// A pop.
    case pop = 6
    /// LSL: the processor reads a descriptor of the local descriptor table on its own behalf.
    case descriptor = 7
    /// Stores the record's value at its address; this and what follows at CPL 0 only.
    case store = 8
    /// INVLPG of the address.
    case invalidate = 9
    /// Moves the record's value to CR0.
    case loadCR0 = 10
    /// Moves the record's value to CR3.
    case loadCR3 = 11
    /// Moves the record's value to CR4.
    case loadCR4 = 12

    /// The loop moves RSP, so that a fault at CPL 0 needs another stack.
    var usesStack: Bool { self == .push || self == .call || self == .pop }
  }

  /// The loop.
  public var loop: Loop
  /// The privilege at which it runs.
  public var privilege: PrivilegeLevel
  /// The number of records, from the first on.
  public var recordCount: Int
  /// The table that CR3 points at.
  public var cr3: UInt64
  /// Where the agent's window begins in linear addresses.
  public var windowAddress: UInt64
  /// The control registers.
  public var state: ProcessorState

  /// Takes the parts as they are.
  public init(
    loop: Loop, privilege: PrivilegeLevel, recordCount: Int, cr3: UInt64, windowAddress: UInt64,
    state: ProcessorState
  ) {
    self.loop = loop
    self.privilege = privilege
    self.recordCount = recordCount
    self.cr3 = cr3
    self.windowAddress = windowAddress
    self.state = state
  }
}

extension AgentBatch {
  /// Throws ``MachineError/invalidBatch(recordCount:windowAddress:)`` for what no agent can run.
  func check() throws(MachineError) {
    let width: LinearAddressWidth = state.cr4 >> 12 & 1 != 0 ? .bits57 : .bits48
    guard (0...AgentRecords.capacity).contains(recordCount), width.isCanonical(windowAddress),
      windowAddress % (1 << 39) == 0
    else { throw .invalidBatch(recordCount: recordCount, windowAddress: windowAddress) }
  }
}

/// How a batch ended.
public enum AgentBatchEnd: Sendable {
  /// The agent went through all records.
  ///
  /// Writes that found no memory are listed by the token that was written, which is the record's
  /// linear address, with the physical address they reached.
  case finished(deviceWrites: [UInt64: UInt64])
  /// The guest died; `record` is the one it seems to have been at.
  case died(GuestDeath, record: Int?)
  /// The deadline came while the guest still ran, which says nothing about the guest.
  ///
  /// The machine needs a reset before it runs another batch.
  case unfinished
}

/// Why a guest did not come back.
public enum GuestDeath: Hashable, Sendable {
  /// A triple fault.
  case shutdown
  /// It ran and made no progress.
  case hang
  /// It ran into something that the machine cannot emulate.
  case emulationFailure
  /// It stopped for another reason, by the name of the exit.
  case unexpectedExit(String)
  /// It came back, but the agent's memory had been overwritten.
  case agentOverwritten

  /// The stable name of the case, the same in every output format.
  public var id: String {
    switch self {
    case .shutdown: "triple-fault"
    case .hang: "hang"
    case .emulationFailure: "emulation-failure"
    case .unexpectedExit: "unexpected-exit"
    case .agentOverwritten: "agent-overwritten"
    }
  }

  /// What happened, in words.
  public var message: String {
    switch self {
    case .shutdown: "the guest ended in a triple fault"
    case .hang: "the guest ran for ever"
    case .emulationFailure: "the guest reached an instruction that the machine cannot run"
    case .unexpectedExit(let name): "the guest stopped unexpectedly (\(name))"
    case .agentOverwritten: "the access overwrote the probe agent"
    }
  }
}
