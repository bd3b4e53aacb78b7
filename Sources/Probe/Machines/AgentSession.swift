// AgentSession: runs records on a machine, times them, and notices what a guest does to the agent.

import MMU

/// A machine with the agent written for tables and a mode.
struct AgentSession {
  let machine: any Machine
  /// The table that CR3 points at.
  let root: UInt64
  private(set) var agent: AgentMemory
  /// What no correct run changes, as it was written.
  private var constants: [[UInt8]]

  /// What came of some records.
  struct Run {
    let end: AgentBatchEnd
    /// How long the guest ran.
    let time: Duration
  }

  /// Takes an agent that has been written into the slot of `machine`.
  init(_ machine: any Machine, _ agent: AgentMemory, root: UInt64) {
    self.machine = machine
    self.agent = agent
    self.root = root
    constants = agent.constants()
  }

  /// The records, of which the first ones are run.
  var records: AgentRecords { AgentRecords(in: machine.agent) }

  /// Goes on with an agent that was written for another mode.
  mutating func use(_ agent: AgentMemory) {
    self.agent = agent
    constants = agent.constants()
  }

  /// Makes the local descriptor table begin at `base`.
  mutating func setLocalDescriptorTable(at base: UInt64) {
    agent.setLocalDescriptorTable(at: base)
    constants = agent.constants()
  }

  /// Runs the first `count` records, which have been asked.
  ///
  /// A guest that came back and left another agent than it found has died.
  func run(
    _ loop: AgentBatch.Loop, at privilege: PrivilegeLevel, count: Int, in state: ProcessorState,
    deadline: ContinuousClock.Instant
  ) throws(MachineError) -> Run {
    let start = ContinuousClock.now
    var end = try machine.run(
      AgentBatch(
        loop: loop, privilege: privilege, recordCount: count, cr3: root,
        windowAddress: agent.slot.windowAddress, state: state), deadline: deadline)
    let time = ContinuousClock.now - start
    if case .finished = end, agent.constants() != constants {
      end = .died(.agentOverwritten, record: nil)
    }
    return Run(end: end, time: time)
  }
}

/// A batch in parts: one in which the guest died is divided until the culprit stands alone.
struct BatchParts<Element> {
  // A list and no recursion, because a guest may die at every record of many.
  private var open: [ArraySlice<Element>]

  init(_ batch: ArraySlice<Element>) { open = [batch] }

  /// The next part that is to be run; nil when all are done.
  mutating func next() -> ArraySlice<Element>? {
    while let part = open.popLast() {
      if !part.isEmpty { return part }
    }
    return nil
  }

  /// Divides a part in which the guest died; false when it has one element, which is the culprit.
  ///
  /// What the dead guest says about the record where it was may be wrong, so every part is run anew.
  mutating func divide(_ part: ArraySlice<Element>, at record: Int?) -> Bool {
    guard part.count > 1 else { return false }
    let suspect = part.startIndex + min(max(0, record ?? part.count / 2), part.count - 1)
    open.append(part[(suspect + 1)...])
    open.append(part[suspect...suspect])
    open.append(part[part.startIndex..<suspect])
    return true
  }
}
