// LiveGuest: a processor of its own on tables that threads of the host change meanwhile.

import GuestImages
import GuestMem
import LiveMem
import MMU

@testable import Probe

/// A guest with the agent, whose root has the entries of a shared table's root and the agent's window.
///
/// The entries of the root are copied when the guest is made; everything below them is shared.
final class LiveGuest {
  let machine: any KickableMachine
  private let session: AgentSession
  private let state: ProcessorState

  /// What came of the accesses of one batch.
  struct Answers {
    var values: [UInt64] = []
    var faults = 0
    var death: GuestDeath?
  }

  /// Makes a guest of a new machine.
  init(_ machine: any KickableMachine, root: GuestPhysicalAddress) throws {
    self.machine = machine
    let slot = AgentSlot(
      physicalAddress: machine.agentAddress, rootIndex: 200, rootLevel: .pageMapLevel4)
    let settings = ProcessorSettings()
    let agent = AgentMemory(
      view: machine.agent, slot: slot, rootLevel: .pageMapLevel4, settings: settings)
    agent.write()
    for index in 0..<512 {
      let offset = UInt64(index) * 8
      let word = machine.ram.loadWord(
        at: GuestPhysicalAddress(truncating: root.rawValue + offset))
      machine.agent.storeWord(
        index == slot.rootIndex ? agent.rootEntry : word ?? 0,
        at: GuestPhysicalAddress(truncating: UInt64(KVMPT_ROOT_COPY) + offset))
    }
    session = AgentSession(machine, agent, root: slot.rootAddress)
    state = ProcessorState(settings, rootLevel: .pageMapLevel4)
  }

  /// Waits until the processor is not between a walk of the tables and what KVM derives from it.
  func settle() throws {
    guard let machine = machine as? KVMMachine else { return }
    try machine.settle()
  }

  /// Makes the guest drop its translations, by an interrupt if it runs.
  func dropTranslations() throws {
    guard try machine.dropTranslations(within: .seconds(300)) else { throw NoAnswer() }
  }

  /// How many of its interrupts the guest has answered.
  var answeredInterrupts: UInt64 {
    machine.agent.loadWord(
      at: GuestPhysicalAddress(truncating: UInt64(KVMPT_PARAMETERS + KVMPT_MAIL_KICK_DONE))) ?? 0
  }

  /// The guest does not answer its interrupts.
  struct NoAnswer: Error {}

  /// Loads or stores 8 bytes at each address, one after the other.
  func access(
    _ addresses: [UInt64], _ loop: AgentBatch.Loop, at privilege: PrivilegeLevel
  ) throws -> Answers {
    let records = session.records
    for (index, address) in addresses.enumerated() { records.ask(address, at: index) }
    let run = try session.run(
      loop, at: privilege, count: addresses.count, in: state,
      deadline: ContinuousClock.now + .seconds(300))
    var answers = Answers()
    switch run.end {
    case .finished: break
    case .died(let death, _): answers.death = death
    case .unfinished: answers.death = .hang
    }
    guard answers.death == nil else { return answers }
    for index in addresses.indices {
      let answer = records.answer(at: index)
      if answer.hasFaulted { answers.faults += 1 } else { answers.values.append(answer.value) }
    }
    return answers
  }
}
