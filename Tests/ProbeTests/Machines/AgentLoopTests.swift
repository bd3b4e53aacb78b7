// The agent's loops, one by one: what each does to memory, and that a fault comes back.

import GuestImages
import GuestMem
import MMU
import TestHosts
import Testing

@testable import Probe

@Suite("The agent's loops", .enabled(if: Host.hasKVM, "needs /dev/kvm"))
struct AgentLoopTests {
  static let page: UInt64 = 0x40_0000

  /// A guest with a page of user data at `page` and nothing behind it.
  struct Guest {
    let machine: any Machine
    let experiment: Experiment
    let frame: UInt64

    init(on factory: any MachineFactory) throws {
      let space = AddressSpace(
        memoryByteCount: 4 << 20,
        mappings: [
          Mapping(
            name: "page", linearAddress: LinearAddress(truncating: page, width: .bits48),
            byteCount: 4096, properties: PageProperties(rights: [.read, .write], isUser: true))
        ])
      let built = try Verifier.modelOnly.build(space, nil)
      let slot = AgentSlot(physicalAddress: 3 << 33, rootIndex: 254, rootLevel: .pageMapLevel4)
      machine = try factory.makeMachine(
        memory: MachineMemory(copyOf: built.memory), agentAddress: slot.physicalAddress)
      let work = VerificationWork(
        built, profile: .anyMachine, plan: ProbePlan(), options: VerificationOptions())
      experiment = Experiment(machine: machine, cr3: built.cr3, slot: slot, setup: work.setup)
      let walk = Walk(
        page, cr3: slot.rootAddress, configuration: work.setup.configuration,
        in: experiment.memory)
      frame = try #require(walk.translation).physicalAddress.rawValue
      try machine.showHostChanges()
    }

    func run(
      _ loop: AgentBatch.Loop, at privilege: PrivilegeLevel, _ asked: (UInt64, UInt64)...
    ) throws -> [AgentAnswer] {
      let records = AgentRecords(in: machine.agent)
      for (index, (address, value)) in asked.enumerated() {
        records.ask(address, value: value, at: index)
      }
      let end = try machine.run(
        AgentBatch(
          loop: loop, privilege: privilege, recordCount: asked.count,
          cr3: experiment.slot.rootAddress, windowAddress: experiment.slot.windowAddress,
          state: ProcessorState(experiment.setup.settings, rootLevel: .pageMapLevel4)),
        deadline: ContinuousClock.now + .seconds(300))
      guard case .finished = end else {
        Issue.record("\(loop) at \(privilege): \(end)")
        return []
      }
      return asked.indices.map { records.answer(at: $0) }
    }

    func word(at offset: UInt64) -> UInt64? {
      machine.ram.loadWord(at: GuestPhysicalAddress(truncating: frame + offset))
    }
  }

  @Test(
    "stack loops reach the page, and a fault on the stack comes back",
    arguments: PrivilegeLevel.allCases)
  func stack(_ privilege: PrivilegeLevel) throws {
    let guest = try Guest(on: KVMMachineFactory())
    let absent = Self.page + 0x1000
    let pushed = try guest.run(
      .push, at: privilege, (Self.page + 0x108, 0), (absent + 0x208, 0), (Self.page + 0x118, 0))
    #expect(pushed.map(\.hasFaulted) == [false, true, false])
    #expect(pushed.dropFirst().first?.cr2 == absent + 0x200)
    #expect(guest.word(at: 0x100) == guest.experiment.slot.recordAddress(0, at: privilege))
    #expect(guest.word(at: 0x110) == guest.experiment.slot.recordAddress(2, at: privilege))
    let called = try guest.run(.call, at: privilege, (absent + 8, 0), (Self.page + 0x128, 0))
    #expect(called.map(\.hasFaulted) == [true, false])
    #expect(guest.word(at: 0x120) != 0)
    let popped = try guest.run(
      .pop, at: privilege, (absent, 0), (Self.page + 0x100, 0), (1 << 60, 0))
    #expect(popped.map(\.hasFaulted) == [true, false, true])
    #expect(popped.dropFirst().first?.value == guest.word(at: 0x100))
    #expect(popped.last?.vector == 12)
  }

  @Test("control loops do what they say")
  func control() throws {
    let guest = try Guest(on: KVMMachineFactory())
    let stored = try guest.run(.store, at: .supervisor, (Self.page + 0x80, 0x1234))
    #expect(stored.map(\.hasFaulted) == [false])
    #expect(guest.word(at: 0x80) == 0x1234)
    let state = ProcessorState(guest.experiment.setup.settings, rootLevel: .pageMapLevel4)
    for (loop, value) in [
      (AgentBatch.Loop.invalidate, 0), (.loadCR0, state.cr0),
      (.loadCR3, guest.experiment.slot.rootAddress), (.loadCR4, state.cr4),
    ] {
      #expect(try guest.run(loop, at: .supervisor, (Self.page, value)).map(\.hasFaulted) == [false])
    }
  }

  @Test("a descriptor is read from the page that holds it, or CPL 3 has no tables of the guest's")
  func descriptors() throws {
    let answers = try DescriptorReads.answers(on: KVMMachineFactory())
    // Where the host's own tables count, as under PVM, no segment is there and nothing faults.
    let isRefused = answers.allSatisfy { $0.value == .max && !$0.hasFaulted }
    if !isRefused { DescriptorReads.expectRead(answers) }
    #expect(answers.count == 2)
    #expect(try Conformance(KVMMachineFactory()).readsDescriptors() == !isRefused)
  }
}

@Suite("The agent's descriptor reads", .enabled(if: Host.hasQEMU, "\(Host.qemuReason)"))
struct EmulatedDescriptorTests {
  @Test("a descriptor is read from the page that holds it, and a fault on the way comes back")
  func descriptors() throws {
    DescriptorReads.expectRead(try DescriptorReads.answers(on: QEMUMachineFactory()))
    #expect(try Conformance(QEMUMachineFactory()).readsDescriptors())
  }
}

/// Two descriptors: one in the page, one behind it.
private enum DescriptorReads {
  static func answers(on factory: any MachineFactory) throws -> [AgentAnswer] {
    let guest = try AgentLoopTests.Guest(on: factory)
    // A data segment for CPL 3 with the limit 0x5678.
    guest.machine.ram.storeWord(
      0x0000_f300_0000_5678, at: GuestPhysicalAddress(truncating: guest.frame + 0x40))
    guest.experiment.agent.setLocalDescriptorTable(at: AgentLoopTests.page)
    return try guest.run(
      .descriptor, at: .user, (AgentLoopTests.page, 0x47), (AgentLoopTests.page, 0x1047))
  }

  /// The limit of the first, and the fault of the second: a read of CPL 0, as the code says.
  static func expectRead(_ answers: [AgentAnswer]) {
    #expect(answers.map(\.hasFaulted) == [false, true])
    #expect(answers.first?.value == 0x5678)
    #expect(answers.last?.vector == 14 && answers.last?.errorCode == 0)
    #expect(answers.last?.cr2 == AgentLoopTests.page + 0x1040)
  }
}
