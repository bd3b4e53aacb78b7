// The calls of Probe that make machines and run guests.

import GuestMem
import Inspection
import KVM
import MMU
import Probe

extension HostileValues {
  mutating func machineMemory() throws -> MachineMemory {
    if below(3) == 0 { return MachineMemory(zeroed: byteCount()) }
    let memory = try GuestMemory(
      byteCount: UInt64(below(600)) << 12, backing: below(4) == 0 ? .anonymous : .memoryFile)
    guard bool() else {
      return bool() ? MachineMemory(copyOf: memory) : MachineMemory(sharing: memory)
    }
    let ranges = (0..<below(3)).map { _ in
      MachineMemoryRange(
        physicalAddress: bool() ? 1 << 63 : byteCount(), byteCount: byteCount(),
        offset: byteCount())
    }
    return bool()
      ? MachineMemory(copyOf: memory, ranges: ranges)
      : MachineMemory(sharing: memory, ranges: ranges)
  }

  mutating func options() -> VerificationOptions {
    var options = VerificationOptions()
    options.timeLimit = anyDuration()
    options.workerCount = number()
    options.unsupportedPages = bool() ? .skip : options.unsupportedPages
    if below(8) == 0 { options.isCancelled = { true } }
    options.observer = { done, total in touch((done, total)) }
    options.extent = one(of: ProbeExtent.allCases)
    options.estimateObserver = { touch(($0.remainingTime, $0.exceedsTimeLimit)) }
    return options
  }

  /// Notes a report that claims agreement for what nobody executed.
  mutating func judge(_ report: some ProofReport, _ name: String) {
    if report.isAgreement && report.total.executedCount == 0 { falseAgreements.append(name) }
    touch((report.unproved, report.verdict, report.probesPerSecond))
  }

  mutating func batch() -> AgentBatch {
    AgentBatch(
      loop: .read, privilege: bool() ? .user : .supervisor, recordCount: number(), cr3: word(),
      windowAddress: word(),
      state: ProcessorState(ProcessorSettings(), rootLevel: .pageMapLevel4))
  }

  /// What can be done with a machine.
  mutating func use(_ machine: any Machine) throws {
    touch(machine.ram.loadWord(at: physical()))
    touch(try? machine.observe(devicesAt: [word(), 4096, 0xfee0_0000]))
    try? machine.showHostChanges()
    touch(try? machine.run(batch(), deadline: ContinuousClock.now + duration()))
    try? machine.discardChanges()
    try machine.reset()
  }
}

extension HostileCall {
  static let machines: [HostileCall] = [
    HostileCall(
      "Probe.MachineMemory.init(copyOf:ranges:)",
      "Probe.MachineMemory.init(sharing:ranges:)", "Probe.MachineMemory.init(zeroed:)",
      "Probe.MachineMemoryRange.init(physicalAddress:byteCount:offset:)",
      "Probe.KVMMachineFactory.init(devicePath:)",
      "Probe.KVMMachineFactory.makeMachine(memory:agentAddress:hostChangeMeans:)",
      "Probe.KVMMachineFactory.promises(_:)", "Probe.Machine.discardChanges()",
      "Probe.Machine.observe(devicesAt:)", "Probe.Machine.reset()",
      "Probe.Machine.run(_:deadline:)", "Probe.Machine.showHostChanges()",
      "Probe.MachineFactory.makeMachine(memory:agentAddress:hostChangeMeans:)",
      "Probe.MachineFactory.promises(_:)",
      "Probe.AgentBatch.init(loop:privilege:recordCount:cr3:windowAddress:state:)"
    ) {
      let factory = try KVMMachineFactory()
      touch(MachineFeature.allCases.map(factory.promises))
      try $0.use(
        factory.makeMachine(
          memory: try $0.machineMemory(), agentAddress: $0.bool() ? 1 << 34 : $0.word(),
          hostChangeMeans: $0.one(of: HostChangeMeans.allCases)))
    },
    HostileCall("Probe.KVMMachineFactory.init(devicePath:)") {
      touch(try KVMMachineFactory(devicePath: $0.text()).identity)
    },
    HostileCall("Probe.QEMUMachineFactory.init(path:physicalAddressWidth:)") {
      let path = $0.one(of: ["", "/", "/dev/null", "/nonexistent", "\0", "qemu-system-x86_64"])
      touch(
        try QEMUMachineFactory(
          path: path, physicalAddressWidth: UInt8(truncatingIfNeeded: $0.random())
        ).memoryLimit)
    },
    HostileCall(
      "Probe.QEMUMachineFactory.makeMachine(memory:agentAddress:hostChangeMeans:)",
      "Probe.QEMUMachineFactory.promises(_:)", every: 4
    ) {
      let factory = try QEMUMachineFactory()
      touch(MachineFeature.allCases.map(factory.promises))
      try $0.use(
        factory.makeMachine(
          memory: try $0.machineMemory(), agentAddress: $0.bool() ? 1 << 34 : $0.word(),
          hostChangeMeans: $0.one(of: [.nothing, .guestFlush])))
    },
  ]

  static let verifiers: [HostileCall] = [
    HostileCall(
      "Probe.Verifier.init(factory:)", "Probe.Verifier.build(_:_:)",
      "Probe.Verifier.verify(_:options:)", "Probe.Verifier.profile(for:timeLimit:)"
    ) {
      let verifier = Verifier(factory: nil)
      let profile = $0.bool() ? nil : $0.profile()
      let built = try? verifier.build($0.space(), profile)
      if let built { touch(built.cr3) }
      touch(try? verifier.profile(for: $0.space(), timeLimit: $0.anyDuration()))
      $0.judge(
        try verifier.verify($0.space(), options: $0.options()), "Probe.Verifier.verify(_:options:)")
    },
    HostileCall("Probe.Verifier.verify(_:plan:options:profile:)") {
      let built = try BuiltAddressSpace($0.space(), configuration: try PagingConfiguration())
      let plan = $0.plan()
      let report = try Verifier.modelOnly.verify(built, plan: plan, options: $0.options())
      $0.judge(report, "Probe.Verifier.verify(_:plan:options:profile:)")
    },
    HostileCall(
      "Probe.Verifier.init(devicePath:)", "Probe.SecondMachine.init(asked:open:)", every: 4
    ) {
      let name = "Probe.Verifier.init(devicePath:)"
      var verifier = try Verifier(devicePath: $0.below(4) == 0 ? $0.text() : "/dev/kvm")
      if $0.bool() {
        let path = $0.bool() ? $0.text() : "/dev/kvm"
        verifier.second = SecondMachine(asked: $0.bool() ? .everything : .unproved) {
          () throws(MachineError) in try KVMMachineFactory(devicePath: path)
        }
      }
      let built = try BuiltAddressSpace($0.space(), configuration: try PagingConfiguration())
      let plan = $0.plan()
      let profile = $0.profile()
      $0.judge(
        try verifier.verify(built, plan: plan, options: $0.options(), profile: profile), name)
    },
    HostileCall("Probe.Verifier.verify(_:_:options:)") {
      let verifier = Verifier(factory: $0.below(4) == 0 ? try KVMMachineFactory() : nil)
      let image = try MemoryImage(bytes: $0.bytes(upTo: 20_000), reading: .raw(base: $0.physical()))
      let space = $0.space()
      let placements: [UInt64?] = [[], [nil], [$0.word(), nil, 0]][$0.below(3)]
      let asked = ImageQuestion(
        cr3: $0.word(), configuration: try $0.paging(), settings: space.processor,
        expectation: $0.bool()
          ? nil
          : ImageExpectation(
            space: space, placements: placements, basis: $0.basis(),
            ranges: $0.bool() ? nil : $0.ranges()), pageAttributeTable: $0.random())
      $0.judge(
        try verifier.verify(image, asked, options: $0.options()),
        "Probe.Verifier.verify(_:_:options:)")
    },
    HostileCall(
      "Probe.Conformance.init(_:)", "Probe.Conformance.blockCount(of:on:)",
      "Probe.Conformance.run(_:on:)", "Probe.Conformance.run(_:)",
      "Probe.Conformance.machineProfile()", every: 8
    ) {
      let conformance = Conformance(try KVMMachineFactory())
      let profile = $0.profile()
      touch(try? conformance.blockCount(of: .quick, on: profile))
      var options = ConformanceOptions()
      options.timeLimit = $0.duration()
      options.workerCount = $0.number()
      options.shard = ConformanceShard(1, of: 4096) ?? .whole
      if $0.bool() { options.finished = try $0.conformanceReport() }
      touch(try? conformance.run(options, on: profile).isComplete)
      options.isCancelled = { true }
      options.finished = nil
      touch(try conformance.run(options).total)
    },
    HostileCall(
      "Probe.Examination.ofMachine(_:within:)", "Probe.ExaminationTimes.init(for:)", every: 100
    ) {
      var times = ExaminationTimes(for: $0.bool() ? .tcg : .unknown)
      times.calibration = $0.duration()
      times.whole = $0.duration()
      times.sample = .zero...(.milliseconds(1))
      touch(try Examination.ofMachine(try KVMMachineFactory(), within: times).profile)
    },
  ]
}
