// QEMU as a machine: the same experiment on an MMU from other hands.

import Dispatch
import Glibc
import GuestMem
import Lies
import MMU
import Synchronization
import TestHosts
import Testing

@testable import Probe

@Suite("QEMU proves what KVM proves, and more", .enabled(if: Host.hasQEMU, "needs QEMU"))
struct QEMUMachineTests {
  @Test("every page size and right agrees three ways, at 4 and 5 levels")
  func everySizeAndRight() throws {
    let verifier = Verifier(factory: try QEMUMachineFactory())
    for rootLevel in [Level.pageMapLevel4, .pageMapLevel5] {
      var space = SampleSpaces.everySizeAndRight
      space.rootLevel = rootLevel
      let report = try verifier.verify(space)
      // The emulator sets A of a 1 GiB page that does not allow the access, which a rule excuses.
      #expect(report.agrees(but: ["explained"]), "\(report.unproved)")
      #expect(report.total.agreementCount == report.total.probeCount)
      #expect(report.total.notRun.isEmpty, "nothing is skipped: \(report.total.notRun)")
    }
  }

  @Test(
    "supervisor keys agree, but for a bit of the error code that the emulator leaves out",
    arguments: [Level.pageMapLevel4, .pageMapLevel5])
  func supervisorKeys(_ rootLevel: Level) throws {
    var space = AddressSpace(rootLevel: rootLevel, memoryByteCount: 8 << 20, mappings: [])
    space.processor.isPKSEnabled = true
    space.processor.pkrs = 0b11 << 6 | 0b10 << 4 | 0b01 << 2
    // U/S is clear first in the PTE, the PDE, the PDPTE and the highest entries.
    let starts: [UInt64] =
      [1 << 30] + Level.allCases.filter { $0 <= rootLevel }.map { 1 << 30 + 16 << $0.indexShift }
    for (index, start) in starts.enumerated() {
      for key in 0..<4 as Range<UInt8> {
        space.mappings.append(
          Mapping(
            name: "\(index), key \(key)",
            linearAddress: LinearAddress(
              truncating: start + UInt64(key) << 12,
              width: rootLevel == .pageMapLevel5 ? .bits57 : .bits48),
            byteCount: 4096,
            properties: PageProperties(
              rights: [.read, .write], isUser: index == 0, protectionKey: key)))
      }
    }
    let report = try Verifier(factory: QEMUMachineFactory()).verify(space)
    #expect(report.agrees(but: ["explained"]), "\(report.unproved)")
    // The version that QEMU itself tells, such as 7.2.22.
    let version = report.profile?.identity.programVersion ?? ""
    #expect(version.contains(".") && version.first?.isNumber == true, "'\(version)'")
    // Of CPL 3: reads that keys 1 and 3 deny, writes that keys 1, 2 and 3 deny.
    #expect(report.unproved.reduce(0) { $0 + $1.count } == 5 * (starts.count - 1))
    #expect(
      Level.allCases.filter { $0 <= rootLevel }.allSatisfy {
        report.profile?.deviations.contains(.keyNotReported(level: $0)) == true
      })
  }

  @Test("all features work, and a few rules explain how the emulator differs")
  func examination() throws {
    let examination = try Examination.ofMachine(QEMUMachineFactory(), within: .plentyForTrials)
    #expect(examination.problem == nil)
    #expect(examination.features.allSatisfy { $0.outcome == .works && $0.isPromised })
    let profile = try #require(examination.profile)
    #expect(
      Set(profile.deviations) == [
        .reservedBitFaultWithoutPresent, .faultMarksLeaf(level: .pageDirectoryPointerTable),
      ])
    // Of an access that U/S stops, it does not say what a protection key would have done.
    let lacksKey = DeviationEffect.errorCodeLacks(PageFaultErrorCode.protectionKey.rawValue)
    // It has a #GP where the manual has a #SS.
    let generalProtection = DeviationEffect.exception(vector: 13)
    #expect(
      examination.sampleRules.allSatisfy {
        $0.effect == lacksKey || $0.effect == generalProtection
      }, "\(examination.sampleRules)")
    #expect(examination.sampleRules.count <= 6)
  }

  @Test("the deviations are found at every address width", arguments: [32, 36, 40, 52] as [UInt8])
  func widths(_ width: UInt8) throws {
    let factory = try QEMUMachineFactory(physicalAddressWidth: width)
    let profile = try Calibrator(factory: factory).profile(trying: [])
    #expect(profile.physicalAddressWidth == width)
    #expect(profile.deviations.contains(.reservedBitFaultWithoutPresent))
    #expect(profile.features.contains(.oneGiBPages))
  }

  @Test("RAM above 4 GiB is where the tables say, and the hole below it is said to be one")
  func memoryAbove4GiB() throws {
    func mapping(_ name: String, _ linear: UInt64, _ physical: UInt64) -> Mapping {
      Mapping(
        name: name, linearAddress: LinearAddress(truncating: linear, width: .bits48),
        byteCount: 0x1_0000, target: .memory(GuestPhysicalAddress(truncating: physical)),
        properties: PageProperties(rights: [.read, .write, .execute]))
    }
    let space = AddressSpace(
      memoryByteCount: 6 << 30,
      mappings: [
        mapping("below", 0x10_0000, 0xbfff_0000), mapping("in the hole", 0x20_0000, 0xc000_0000),
        mapping("above", 0x30_0000, 0x1_0000_0000), mapping("ROM's place", 0x40_0000, 0xf_0000),
      ])
    let report = try Verifier(factory: QEMUMachineFactory()).verify(space)
    #expect(report.agrees(but: ["unobservable-address"]))
    #expect(report.tallies[.mapping(0)]?.notRun.isEmpty == true)
    #expect(report.tallies[.mapping(1)]?.notRun[.unobservableAddress] == 3 * 16)
    #expect(report.tallies[.mapping(2)]?.notRun.isEmpty == true)
    #expect(report.tallies[.mapping(3)]?.notRun.isEmpty == true)
  }

  @Test(
    "the same random spaces have the same outcomes on KVM and on QEMU",
    .enabled(if: Host.hasKVM, "needs /dev/kvm"))
  func sameOutcomes() throws {
    var everything = SampleSpaces.everySizeAndRight
    everything.processor.isSMEPEnabled = true
    everything.processor.isSMAPEnabled = true
    everything.processor.isPKEEnabled = true
    let kvm = Verifier(factory: try KVMMachineFactory())
    let emulator = try QEMUMachineFactory(
      physicalAddressWidth: KVMMachineFactory().physicalAddressWidth)
    let qemu = Verifier(factory: emulator)
    let features = try #require(try kvm.profile(for: everything)).features
    let emulated = try #require(try qemu.profile(for: everything))
    let counts = Mutex((executed: 0, failures: [UInt64]()))
    DispatchQueue.concurrentPerform(iterations: 60) { index in
      let seed = UInt64(index) + 1000
      let space = RandomSpaces.space(seed: seed, features: features)
      // Each agrees with the model in every probe but for its own rules, so they agree with
      // each other but for both machines' rules.
      let first = try? kvm.verify(space)
      let second = try? qemu.verify(qemu.build(space, emulated), profile: emulated)
      counts.withLock {
        $0.executed += min(first?.total.executedCount ?? 0, second?.total.executedCount ?? 0)
        if first?.agrees(but: RandomSpaceTests.mayBeSkipped) != true
          || second?.agrees(but: RandomSpaceTests.mayBeSkipped) != true
          || first?.total.executedCount != second?.total.executedCount
        {
          $0.failures.append(seed)
        }
      }
    }
    let found = counts.withLock { $0 }
    print("random spaces on both machines: 60, \(found.executed) probes on each")
    #expect(found.failures.isEmpty)
    #expect(found.executed > 10_000)
  }
}

@Suite("A QEMU starts and leaves nothing", .enabled(if: Host.hasQEMU, "needs QEMU"))
struct QEMUProcessTests {
  @Test("the first probe is answered, in one machine after the other")
  func firstProbe() throws {
    let factory = try QEMUMachineFactory()
    for _ in 0..<10 {
      let machine = try factory.makeMachine(
        memory: MachineMemory(zeroed: 1 << 20), agentAddress: 3 << 33)
      let bench = FirstProbe(machine)
      try bench.run()
    }
  }

  @Test("nobody can make the memory file smaller")
  func memoryFile() throws {
    let memory = try QEMUMemory(MachineMemory(zeroed: 1 << 20), agentAddress: 3 << 33)
    #expect(ftruncate(memory.fileDescriptor, 4096) == -1)
    #expect(errno == EPERM)
    memory.ram.storeWord(1, at: GuestPhysicalAddress(truncating: 0xf_fff8))
    #expect(memory.ram.loadWord(at: GuestPhysicalAddress(truncating: 0xf_fff8)) == 1)
  }

  @Test("a memory file that cannot be used is closed again")
  func refusedMemory() async {
    await #expect(processExitsWith: .success) {
      for _ in 0..<4 {
        // The agent in the hole, which is no part of the file.
        #expect(throws: GuestMemoryError.self) {
          _ = try QEMUMemory(
            MachineMemory(zeroed: 1 << 20), agentAddress: QEMUMemory.hole.lowerBound)
        }
        #expect(HostText.openFiles(with: "kvmpt-machine") == [])
      }
      let memory = try QEMUMemory(MachineMemory(zeroed: 1 << 20), agentAddress: 3 << 33)
      #expect(HostText.openFiles(with: "kvmpt-machine").count == 1)
      _ = consume memory
      #expect(HostText.openFiles(with: "kvmpt-machine") == [])
    }
  }

  @Test("what the guest wrote is gone after a reset, and what the contents hold is back")
  func reset() throws {
    let original = try GuestMemory(byteCount: 1 << 20, backing: .memoryFile)
    let place = GuestPhysicalAddress(truncating: 0x8_0000)
    original.view.storeWord(7, at: place)
    let memory = try QEMUMemory(MachineMemory(copyOf: original), agentAddress: 3 << 33)
    #expect(memory.ram.loadWord(at: place) == 7)
    memory.ram.storeWord(8, at: place)
    memory.ram.storeWord(9, at: GuestPhysicalAddress(truncating: 0))
    try memory.restore()
    #expect(memory.ram.loadWord(at: place) == 7)
    #expect(memory.ram.loadWord(at: GuestPhysicalAddress(truncating: 0)) == 0)
    #expect(original.view.loadWord(at: place) == 7)
  }

  @Test("between two rounds all is given up but the agent's slot, and other devices have room")
  func discardChanges() throws {
    let original = try GuestMemory(byteCount: 1 << 20, backing: .memoryFile)
    let place = GuestPhysicalAddress(truncating: 0x8_0000)
    original.view.storeWord(7, at: place)
    let memory = try QEMUMemory(MachineMemory(copyOf: original), agentAddress: 1 << 30)
    memory.ram.storeWord(8, at: place)
    memory.ram.storeWord(9, at: GuestPhysicalAddress(truncating: 0))
    memory.agent.storeWord(5, at: GuestPhysicalAddress(truncating: 0x100))
    memory.agent.storeWord(6, at: GuestPhysicalAddress(truncating: memory.agent.byteCount - 8))
    // Behind the slot and before it.
    let first = UInt64(2) << 30
    for number in 0..<UInt64(QEMUMemory.deviceLimit) {
      let frame = number == 0 ? 1 << 29 : first + number << 12
      #expect(try memory.observe(frame, physicalAddressWidth: 48))
    }
    memory.stampDevices()
    #expect(try !memory.observe(first - 4096, physicalAddressWidth: 48))
    try memory.discardChanges()
    #expect(memory.ram.loadWord(at: place) == 7)
    #expect(memory.ram.loadWord(at: GuestPhysicalAddress(truncating: 0)) == 0)
    #expect(memory.agent.loadWord(at: GuestPhysicalAddress(truncating: 0x100)) == 5)
    #expect(
      memory.agent.loadWord(at: GuestPhysicalAddress(truncating: memory.agent.byteCount - 8)) == 6)
    #expect(try memory.observe(first - 4096, physicalAddressWidth: 48))
    #expect(try memory.observe(1 << 29, physicalAddressWidth: 48))
    // Nothing is left of the devices: each word is 0, and no address.
    #expect(memory.deviceWrites().count == 1)
  }

  @Test("more devices than one round has room for are all told apart, in an exhaustive run")
  func manyDevices() throws {
    let window = Mapping(
      name: "window", linearAddress: LinearAddress(truncating: 0x4000_0000, width: .bits48),
      byteCount: 80 << 20, target: .device(GuestPhysicalAddress(truncating: 5 << 30)),
      properties: PageProperties(rights: [.read, .write]), pageSize: .exactly(.size2MiB))
    let page = Mapping(
      name: "page", linearAddress: LinearAddress(truncating: 0x8000_0000, width: .bits48),
      byteCount: 4096, properties: PageProperties(rights: [.read, .execute], isUser: true))
    var options = VerificationOptions()
    options.extent = .exhaustive
    options.workerCount = 1
    options.timeLimit = .seconds(1800)
    let report = try Verifier(factory: QEMUMachineFactory()).verify(
      AddressSpace(memoryByteCount: 8 << 20, mappings: [window, page]), options: options)
    #expect(report.isAgreement, "\(report.unproved)")
    #expect(report.tallies[.mapping(0)]?.executedCount == 6 * (80 << 8))
    #expect(report.tallies[.mapping(1)]?.executedCount == 6)
    #expect(report.total.coveredCount == 0)
  }
}

/// One probe of an unmapped address on a machine without tables.
private struct FirstProbe {
  let machine: any Machine

  init(_ machine: any Machine) { self.machine = machine }

  func run() throws {
    let configuration = try PagingConfiguration()
    let slot = AgentSlot(
      physicalAddress: machine.agentAddress, rootIndex: 255, rootLevel: .pageMapLevel4)
    let settings = ProcessorSettings()
    let agent = AgentMemory(
      view: machine.agent, slot: slot, rootLevel: configuration.rootLevel, settings: settings)
    agent.write()
    machine.agent.storeWord(
      agent.rootEntry,
      at: GuestPhysicalAddress(
        truncating: slot.rootAddress - slot.physicalAddress + UInt64(slot.rootIndex) * 8))
    let records = AgentRecords(in: machine.agent)
    records.ask(0x1000, at: 0)
    let end = try machine.run(
      AgentBatch(
        loop: .read, privilege: .supervisor, recordCount: 1, cr3: slot.rootAddress,
        windowAddress: slot.windowAddress,
        state: ProcessorState(settings, rootLevel: configuration.rootLevel)),
      deadline: ContinuousClock.now + .seconds(300))
    guard case .finished = end else {
      Issue.record("the batch did not finish: \(end)")
      return
    }
    #expect(records.answer(at: 0).errorCode == 0)
    #expect(records.answer(at: 0).cr2 == 0x1000)
  }
}
