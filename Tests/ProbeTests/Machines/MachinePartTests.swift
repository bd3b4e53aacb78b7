// The parts that all machines share: places, stamps, records, modes, wrappers and errors.

import CKVM
import Glibc
import GuestImages
import GuestMem
import MMU
import TestHosts
import Testing

@testable import KVM
@testable import Probe

@Suite("The parts of machines are what they say")
struct MachinePartTests {
  @Test("the agent can have each of the 512 root entries, and 256 only when nothing else is left")
  func rootEntries() {
    let preference = AgentSlot.rootIndexPreference
    #expect(preference.count == 512 && Set(preference) == Set(0..<512))
    #expect(preference.first == 255 && preference.last == 256)
    // The lower half goes first.
    #expect(preference.prefix(256).allSatisfy { $0 < 256 })
  }

  @Test("a table's stamp goes into the last entry that is 0, wherever it is, and nowhere else")
  func freeSlots() throws {
    let memory = try GuestMemory(byteCount: 1 << 16, backing: .anonymous)
    let probed = ProbeMemory(ram: memory.view, agent: nil, agentAddress: .max)
    let table: UInt64 = 0x3000
    func place(_ index: Int) -> GuestPhysicalAddress {
      GuestPhysicalAddress(truncating: table + UInt64(index) * 8)
    }
    // An entry that is not present and not 0 says something to somebody.
    let taken: [UInt64] = [1, 2, 1 << 63, 0xfff0]
    for index in 0..<512 { memory.view.storeWord(taken[index % 4], at: place(index)) }
    #expect(FrameStamp.writeToFreeSlot(ofTableAt: table, in: probed) == .fullTable)
    for index in 0..<512 { #expect(memory.view.loadWord(at: place(index)) == taken[index % 4]) }
    for free in 0..<512 {
      memory.view.storeWord(0, at: place(free))
      if free > 0 { memory.view.storeWord(0, at: place(0)) }
      #expect(
        FrameStamp.writeToFreeSlot(ofTableAt: table, in: probed) == .table(freeSlot: free))
      // jmp *%rdx and the number of the frame, in an entry that is not present.
      #expect(memory.view.loadWord(at: place(free)) == 0xe2ff48 | 3 << 24)
      memory.view.storeWord(taken[free % 4], at: place(free))
      memory.view.storeWord(taken[0], at: place(0))
    }
  }

  @Test("an address is RAM's, the agent's or nobody's, up to the last byte of each")
  func memoryKinds() throws {
    var factory = PaperFactory()
    factory.memoryHoles = [0x8000..<0xa000]
    let agent: UInt64 = 3 << 33
    let machine = try factory.makeMachine(
      memory: MachineMemory(zeroed: 1 << 20), agentAddress: agent)
    let memory = ProbeMemory(machine)
    let size = UInt64(KVMPT_SLOT_SIZE)
    for (address, kind) in [
      (0, .ram), (0x7fff, .ram), (0x8000, .none), (0x9fff, .none), (0xa000, .ram),
      (0xf_ffff, .ram), (0x10_0000, .none), (agent - 1, .none), (agent, .agent),
      (agent + size - 1, .agent), (agent + size, .none), (.max, .none),
    ] as [(UInt64, MemoryKind)] {
      #expect(memory.kind(of: address) == kind, "\(HexadecimalNumber(address))")
      let word = GuestPhysicalAddress(truncating: address & ~7)
      #expect((memory.loadWord(at: word) != nil) == (memory.kind(of: address & ~7) != .none))
    }
    // Without an agent nothing is the agent's.
    let alone = ProbeMemory(ram: machine.ram, agent: nil, agentAddress: agent)
    #expect(alone.kind(of: agent) == .none && alone.kind(of: 0x8000) == .ram)
  }

  @Test("what is asked in a record is read from it, and no other record changes")
  func records() throws {
    let machine = try PaperFactory().makeMachine(
      memory: MachineMemory(zeroed: 1 << 20), agentAddress: 3 << 33)
    let records = AgentRecords(in: machine.agent)
    let last = AgentRecords.capacity - 1
    for index in [0, 1, 2, last - 1, last] {
      records.ask(UInt64(index) << 12 | 8, value: UInt64(index), at: index)
    }
    for index in [0, 1, 2, last - 1, last] {
      #expect(records.address(at: index) == UInt64(index) << 12 | 8)
      let answer = records.answer(at: index)
      #expect(answer.value == UInt64(index) && answer.vector == 14 && !answer.hasFaulted)
    }
  }

  @Test("the mode of an access has each setting, at both privileges")
  func modes() {
    var settings = ProcessorSettings()
    let changes: [(inout ProcessorSettings) -> Void] = [
      { $0.isWriteProtectEnabled = false }, { $0.isSMEPEnabled = true },
      { $0.isSMAPEnabled = true }, { $0.isAlignmentCheckFlagSet = true },
      { $0.isPKEEnabled = true }, { $0.pkru = 0x1234_5678 }, { $0.isPKSEnabled = true },
      { $0.pkrs = 0x8765_4320 },
    ]
    for change in [{ _ in }] + changes {
      change(&settings)
      for privilege in PrivilegeLevel.allCases {
        let mode = settings.mode(at: privilege)
        var expected = CPUMode(privilege: privilege)
        expected.isWriteProtectEnabled = settings.isWriteProtectEnabled
        expected.isSMEPEnabled = settings.isSMEPEnabled
        expected.isSMAPEnabled = settings.isSMAPEnabled
        expected.isAlignmentCheckFlagSet = settings.isAlignmentCheckFlagSet
        expected.isPKEEnabled = settings.isPKEEnabled
        expected.pkru = settings.pkru
        expected.isPKSEnabled = settings.isPKSEnabled
        expected.pkrs = settings.pkrs
        #expect(mode == expected)
      }
    }
    // The registers that a guest gets are those of the settings as well.
    let state = ProcessorState(settings, rootLevel: .pageMapLevel5)
    #expect(state.cr0 >> 16 & 1 == 0 && state.cr4 >> 12 & 1 == 1)
    #expect(state.cr4 >> 20 & 1 == 1 && state.cr4 >> 21 & 1 == 1)
    #expect(state.cr4 >> 22 & 1 == 1 && state.cr4 >> 24 & 1 == 1)
    #expect(state.pkru == settings.pkru && state.pkrs == settings.pkrs)
  }

  @Test("all manners are six, three at each privilege")
  func manners() {
    #expect(ProbeManner.allCases.count == 6 && Set(ProbeManner.allCases).count == 6)
    #expect(ProbeManner.allCases.map(\.index) == [0, 1, 2, 3, 4, 5])
    #expect(ProbeManners.all == ProbeManners(ProbeManner.allCases.map { ProbeManners($0) }))
    #expect(ProbeManners.supervisor.rawValue == 7)
    for number in UInt8(0)..<64 {
      let manners = ProbeManners(rawValue: number)
      #expect(ProbeManners.all.isSuperset(of: manners))
      let page = ProbePage(containing: 0, manners: manners, subject: .unasked)
      #expect(ProbePlan(pages: [page]).probeCount == number.nonzeroBitCount)
    }
    let page = ProbePage(containing: 0x1000, subject: .unasked)
    #expect(ProbePlan(pages: [page, page]).probeCount == 12)
  }

  private struct Wrapper: WrappedFactory {
    let inner: any MachineFactory
    func wrap(_ machine: any Machine) -> any Machine { Around(machine) }
  }

  private final class Around: WrappedMachine {
    let inner: any Machine
    init(_ inner: any Machine) { self.inner = inner }
  }

  @Test("a machine around another one does what that one does")
  func wrapped() throws {
    var paper = PaperFactory(features: [.noExecute, .smep])
    paper.memoryHoles = [0x8000..<0x9000]
    paper.workerCount = 7
    let factory = Wrapper(inner: paper)
    #expect(factory.identity == paper.identity && factory.vendorName == paper.vendorName)
    #expect(factory.physicalAddressWidth == 46 && factory.workerCount == 7)
    #expect(factory.memoryHoles == paper.memoryHoles && factory.memoryLimit == .max)
    #expect(factory.possibleMeans == [.guestFlush] && factory.hostChangeMeans == .guestFlush)
    for feature in MachineFeature.allCases {
      #expect(factory.promises(feature) == [.noExecute, .smep].contains(feature))
    }
    let original = try GuestMemory(byteCount: 1 << 16, backing: .memoryFile)
    let place = GuestPhysicalAddress(truncating: 0x4000)
    original.view.storeWord(5, at: place)
    let machine = try factory.makeMachine(
      memory: MachineMemory(copyOf: original), agentAddress: 3 << 33)
    #expect(machine.agentAddress == 3 << 33 && machine.memoryHoles == paper.memoryHoles)
    #expect(machine.ram.byteCount == 1 << 16 && machine.agent.byteCount == UInt64(KVMPT_SLOT_SIZE))
    #expect(try machine.observe(devicesAt: [0x10_0000]) == [0x10_0000])
    try machine.showHostChanges()
    machine.ram.storeWord(6, at: place)
    try machine.discardChanges()
    #expect(machine.ram.loadWord(at: place) == 5)
    #expect(paper.log.discardCount == 1 && paper.log.resetCount == 0)
    machine.ram.storeWord(6, at: place)
    try machine.reset()
    #expect(machine.ram.loadWord(at: place) == 5 && paper.log.resetCount == 1)
    let trial = TrialMachine(machine, TrialLosses(limit: 1))
    machine.ram.storeWord(6, at: place)
    try trial.discardChanges()
    #expect(machine.ram.loadWord(at: place) == 5)
  }

  @Test("what KVM's CPUID promises is what it says of the same feature, on every processor")
  func promises() throws {
    // The leaf, the register from EAX on, and the bit of each.
    let bits: [(feature: MachineFeature, leaf: UInt32, register: Int, bit: UInt32)] = [
      (.fiveLevelPaging, 7, 2, 16), (.oneGiBPages, 0x8000_0001, 3, 26),
      (.noExecute, 0x8000_0001, 3, 20), (.smep, 7, 1, 7), (.smap, 7, 1, 20),
      (.protectionKeys, 7, 2, 3), (.supervisorProtectionKeys, 7, 2, 31),
    ]
    #expect(Set(bits.map(\.feature)).union([.writeProtect]) == Set(MachineFeature.allCases))
    for (feature, leaf, register, bit) in bits {
      var cpuid = ckvm_cpuid()
      cpuid.count = 1
      var registers: [UInt32] = [0, 0, 0, 0]
      registers[register] = 1 << bit
      var entry = kvm_cpuid_entry2()
      entry.function = leaf
      (entry.eax, entry.ebx, entry.ecx, entry.edx) =
        (registers[0], registers[1], registers[2], registers[3])
      // SAFETY: the position is below the count, so that the answer points into the structure.
      unsafe ckvm_cpuid_entry(&cpuid, 0)?.pointee = entry
      let processor = SupportedProcessor(cpuid)
      for other in MachineFeature.allCases {
        #expect(
          processor.promises(other) == (other == feature || other == .writeProtect),
          "\(other) where CPUID has \(feature)")
      }
    }
  }

  @Test("the machines of a host promise what its processor does", .enabled(if: Host.hasKVM))
  func hostPromises() throws {
    let factory = try KVMMachineFactory()
    for feature in MachineFeature.allCases {
      #expect(factory.promises(feature) == factory.processor.promises(feature), "\(feature)")
    }
  }

  // MARK: Errors

  /// One of each, with what it means: the machine is at fault; there is no machine to be had.
  static let errors: [(error: MachineError, isAboutTheMachine: Bool, meansNoMachine: Bool)] = [
    (.kvm(.noDevice(path: "")), false, true), (.kvm(.noDriver(path: "")), false, true),
    (.kvm(.pathWithNUL("")), false, true), (.kvm(.notADevice(path: "")), false, true),
    (.kvm(.permissionDenied(path: "")), false, true), (.kvm(.notKVM(path: "")), false, true),
    (.kvm(.wrongAPIVersion(1, path: "")), false, true),
    (.kvm(.missingCapability(name: "")), true, false),
    (.kvm(.call(.run, errorNumber: EINVAL)), true, false),
    (.kvm(.call(.createVirtualMachine, errorNumber: EBUSY)), true, true),
    (.kvm(.call(.run, errorNumber: EAGAIN)), false, false),
    (.kvm(.call(.run, errorNumber: EMFILE)), false, false),
    (.kvm(.call(.run, errorNumber: ENFILE)), false, false),
    (.kvm(.call(.run, errorNumber: ENOMEM)), false, false),
    (.kvm(.call(.createVirtualMachine, errorNumber: EAGAIN)), false, false),
    (.kvm(.call(.createVirtualMachine, errorNumber: EMFILE)), false, false),
    (.kvm(.call(.createVirtualMachine, errorNumber: ENFILE)), false, false),
    (.kvm(.call(.createVirtualMachine, errorNumber: ENOMEM)), false, false),
    (.qemu(.notFound(name: "")), false, true), (.qemu(.notExecutable(path: "")), false, true),
    (.qemu(.cannotStart(path: "", errorNumber: EACCES)), false, true),
    (.qemu(.cannotStart(path: "", errorNumber: EMFILE)), false, false),
    (.qemu(.cannotStart(path: "", errorNumber: ENFILE)), false, false),
    (.qemu(.cannotStart(path: "", errorNumber: ENOMEM)), false, false),
    (.qemu(.cannotStart(path: "", errorNumber: EAGAIN)), false, false),
    (.qemu(.ended(path: "", how: "", reason: "")), true, false),
    (.qemu(.guestDoesNotStart(path: "")), false, false),
    (.qemu(.monitorDoesNotAnswer(path: "")), true, false),
    (.qemu(.unsupportedPhysicalAddressWidth(53)), false, false),
    (.memory(.notShareable), false, false), (.tooMuchMemory(byteCount: 2, limit: 1), false, true),
    (.calibrationFailed(""), false, false), (.calibrationUnfinished, false, false),
    (.invalidBatch(recordCount: -1, windowAddress: 0), false, false),
    (.invalidProfile(physicalAddressWidth: 53), false, false),
  ]

  @Test("an error is about the machine, about there being none, or about this process alone")
  func errors() {
    for (error, isAboutTheMachine, meansNoMachine) in Self.errors {
      #expect(error.isAboutTheMachine == isAboutTheMachine, "\(error)")
      #expect(error.meansNoMachine == meansNoMachine, "\(error)")
      #expect(!error.id.isEmpty && !error.message.isEmpty && !error.hint.isEmpty)
    }
  }

  @Test("a problem of two expectations names the other one, as one of two mappings does")
  func relatedProblems() {
    let expectations = AddressSpaceProblem.contradictoryExpectations(first: 3, second: 5)
    #expect(expectations.relatedExpectation == 3 && expectations.relatedMapping == nil)
    #expect(expectations.subject == .expectation(5, .outcome))
    let overlap = AddressSpaceProblem.overlappingMappings(
      first: 2, second: 4, linearAddress: 0, byteCount: 1)
    #expect(overlap.relatedMapping?.index == 2 && overlap.relatedMapping?.field == .linearAddress)
    #expect(overlap.relatedExpectation == nil && overlap.subject == .mapping(4, .linearAddress))
    let name = AddressSpaceProblem.duplicateName(first: 1, second: 6, name: "")
    #expect(name.relatedMapping?.index == 1 && name.relatedMapping?.field == .name)
    #expect(name.relatedExpectation == nil && name.subject == .mapping(6, .name))
    for problem in [
      .noMemory, .emptyMapping(mapping: 2), .writeWithoutRead(mapping: 1),
      .successAtNonCanonicalAddress(expectation: 1, linearAddress: 0),
    ] as [AddressSpaceProblem] {
      #expect(problem.relatedExpectation == nil && problem.relatedMapping == nil)
    }
    // As a check finds it.
    let expected = [ExpectedOutcome.success(nil), .fault(errorCode: nil)].map {
      Probe.Expectation(linearAddress: 0x1000, access: .read, privilege: .user, outcome: $0)
    }
    let space = AddressSpace(memoryByteCount: 1 << 20, mappings: [], expectations: expected)
    #expect(space.check().map(\.relatedExpectation) == [0])
  }
}
