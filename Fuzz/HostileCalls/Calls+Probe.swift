// The calls of Probe that need no machine.

import GuestMem
import KVM
import MMU
import Probe

extension HostileValues {
  mutating func space() -> AddressSpace {
    var settings = ProcessorSettings()
    settings.isPKEEnabled = below(4) == 0
    settings.pkru = UInt32(truncatingIfNeeded: random())
    settings.isNoExecuteEnabled = below(4) != 0
    let isFriendly = bool()
    let mappings = (0..<below(4)).map { index in
      Mapping(
        name: below(8) == 0 ? text() : "m\(index)",
        linearAddress: isFriendly
          ? LinearAddress(truncating: UInt64(1 + index) << 24, width: .bits48) : nearLinear(),
        byteCount: isFriendly ? UInt64(1 + below(8)) << 12 : byteCount(),
        target: isFriendly
          ? .anywhere : one(of: [.anywhere, .memory(physical()), .device(physical())]),
        properties: isFriendly ? PageProperties(rights: [.read, .write]) : properties(),
        pageSize: isFriendly ? .largest : pageSizes())
    }
    let expectations = (0..<below(3)).map { _ in
      Expectation(
        linearAddress: word(), access: one(of: [.read, .write, .fetch]),
        privilege: bool() ? .user : .supervisor,
        outcome: bool() ? .success(bool() ? nil : physical()) : .fault(errorCode: UInt32(below(64)))
      )
    }
    var space = AddressSpace(
      rootLevel: below(6) == 0 ? level() : .pageMapLevel4,
      memoryByteCount: isFriendly ? UInt64(4 + below(64)) << 20 : byteCount(), processor: settings,
      mappings: mappings, expectations: expectations, name: text())
    if below(3) == 0 { space.recursiveSlot = recursiveSlot() }
    if below(3) == 0 {
      space.memory = (0..<below(6)).map { index in
        isFriendly
          ? MemoryRange(base: UInt64(3 * index) << 20, byteCount: UInt64(1 + below(3)) << 20)
          : MemoryRange(base: word(), byteCount: byteCount())
      }
    }
    return space
  }

  mutating func subject() -> ProbeSubject {
    let index = number()
    return one(of: [
      .mapping(index), .gap(nearMapping: index), .expectation(index), .kind(index), .recursiveSlot,
    ])
  }

  mutating func plan() -> ProbePlan {
    var plan = ProbePlan(
      pages: (0..<below(6)).map { _ in
        let manners = ProbeManners(rawValue: UInt8(truncatingIfNeeded: random()))
        return bool()
          ? ProbePage(
            containing: word(), manners: manners, subject: subject(), pageSize: pageSize(),
            obstacle: below(4) == 0 ? one(of: NotRunReason.allCases) : nil,
            furtherPageCount: below(4) == 0 ? word() : 0, continuesLeaf: bool())
          : ProbePage(exactly: word(), manners: manners, subject: subject())
      })
    plan.leafCounts = [number(): number()]
    return plan
  }

  mutating func profile() -> MachineProfile {
    let (low, high) = (word(), word())
    return MachineProfile(
      identity: MachineIdentity(
        name: text(), walker: .unknown, processorName: text(), kernelRelease: text()),
      vendor: bool() ? .intel : .amd,
      physicalAddressWidth: one(of: [0, 1, 11, 12, 23, 24, 31, 32, 48, 52, 53, 63, 64, 255]),
      features: Set(MachineFeature.allCases.filter { _ in bool() }),
      memoryHoles: bool() ? [] : [min(low, high)..<max(low, high)],
      deviations: bool() ? [] : [deviation()])
  }

  mutating func deviation() -> Deviation {
    one(of: [
      .rootEntryUnreachableAtUser(index: number()), .faultMarksLeaf(level: level()),
      .keyNotReported(level: level()),
      Deviation(
        when: bool() ? [] : [.rootEntry(number()), .accessed(bool()), .level(level())],
        one(of: [
          .succeeds, .faultsAnyhow, .faultsAsNotPresent,
          .errorCodeHas(UInt32(truncatingIfNeeded: random())),
          .flags(FlagDifference(rawValue: UInt8(truncatingIfNeeded: random()))),
          .exception(vector: UInt8(truncatingIfNeeded: random())),
        ])),
    ])
  }

  mutating func deviationSubject() throws -> DeviationSubject {
    let words = HostileWords(seed: random(), density: 1)
    let paging = try paging()
    let walk = Walk(word(), cr3: word(), configuration: paging, in: words)
    let access = access()
    return DeviationSubject(
      access, form: one(of: AccessForm.allCases), privilege: bool() ? .user : .supervisor,
      walk: walk, prediction: walk.predict(access, mode: mode(), configuration: paging),
      rootIndex: bool() ? nil : number())
  }

  mutating func mismatch() -> ConformanceMismatch {
    ConformanceMismatch(
      matrix: text(), block: number(), mode: text(),
      entries: [PageTableEntry(random(), at: level())], address: word(), modelled: text(),
      executed: text(), flags: bool() ? nil : text())
  }

  mutating func evidence() throws -> ConformanceEvidence {
    var evidence = ConformanceEvidence()
    for _ in 0..<below(4) {
      let key = EvidenceKey(
        try deviationSubject(),
        modelled: one(of: [
          .success(physical()), .generalProtection, .stackFault,
          .pageFault(PageFaultErrorCode(rawValue: UInt32(truncatingIfNeeded: random()))),
        ]))
      evidence.add(key, count: number())
      evidence.add(key, count: number())
      let difference = EvidenceDifference(
        key, DeviationResponse(text: one(of: ["success", "page-fault 0x9", "flags 3"])) ?? .success)
      evidence.add(difference, DifferenceRecord(count: number(), example: mismatch()))
      evidence.add(difference, DifferenceRecord(count: number(), example: mismatch()))
    }
    return evidence
  }

  mutating func tally() -> ConformanceTally {
    var tally = ConformanceTally()
    tally.caseCount = number()
    tally.agreedCount = number()
    tally.notRun = [one(of: NotRunReason.allCases): number()]
    tally.guestTime = anyDuration()
    return tally
  }

  mutating func conformanceReport() throws -> ConformanceReport {
    ConformanceReport(
      profile: one(of: ConformanceProfile.allCases),
      shard: ConformanceShard(number(), of: number()) ?? .whole, machine: profile(),
      finished: Set((0..<below(3)).map { _ in number() }), total: tally(),
      profileBlockCount: number(), evidence: try evidence(),
      notRun: [one(of: NotRunReason.allCases): number()], time: anyDuration())
  }
}

extension HostileCall {
  static let spaces: [HostileCall] = [
    HostileCall(
      "Probe.AddressSpace.check()", "GuestMem.RecursiveSlot.addresses(rootLevel:)",
      "Probe.MemoryRange.init(base:byteCount:)",
      "Probe.AddressSpace.init(rootLevel:memoryByteCount:processor:mappings:expectations:name:)",
      "Probe.Mapping.init(name:linearAddress:byteCount:target:properties:pageSize:)",
      "Probe.Expectation.init(linearAddress:access:privilege:outcome:)",
      "Probe.ProcessorSettings.init()", "Probe.ProcessorSettings.subscript(dynamicMember:)"
    ) {
      for problem in $0.space().check() { touch((problem.id, problem.message, problem.hint)) }
      touch($0.recursiveSlot().addresses(rootLevel: $0.level()))
    },
    HostileCall(
      "Probe.BuiltAddressSpace.init(_:configuration:)", "Probe.BuiltAddressSpace.plan(_:)"
    ) {
      let built = try BuiltAddressSpace($0.space(), configuration: try $0.paging())
      touch(built.plan($0.one(of: ProbeExtent.allCases)).probeCount)
    },
    HostileCall("Probe.ByteCount.init(_:)", "Probe.HexadecimalNumber.init(_:)") {
      touch((ByteCount($0.word()), HexadecimalNumber($0.word())))
    },
    HostileCall(
      "Probe.ProbePage.init(containing:manners:subject:pageSize:obstacle:furtherPageCount:continuesLeaf:)",
      "Probe.ProbePage.init(exactly:manners:subject:)", "Probe.ProbePlan.init(pages:)",
      "Probe.ProbeManner.init(_:at:)", "Probe.ProbeManners.init(_:)",
      "Probe.ProbeManners.init(rawValue:)"
    ) {
      touch($0.plan().probeCount)
      for manner in ProbeManner.allCases { touch((ProbeManners(manner), manner.index)) }
      touch(ProbeManner(.fetch, at: .user))
    },
    HostileCall("Probe.ProcessorState.init(_:rootLevel:)") {
      touch(ProcessorState($0.space().processor, rootLevel: $0.level()))
    },
    HostileCall(
      "Probe.ImageExpectation.init(space:placements:basis:ranges:)",
      "Probe.ImageQuestion.init(cr3:configuration:settings:expectation:pageAttributeTable:)"
    ) {
      let asked = ImageExpectation(space: $0.space(), placements: [])
      touch(
        ImageQuestion(
          cr3: $0.word(), configuration: try $0.paging(), settings: ProcessorSettings(),
          expectation: asked))
    },
    HostileCall(
      "Probe.SubjectTally.init()", "Probe.SubjectTally.merge(_:)",
      "Probe.SubjectTally.==(_:_:)", "Probe.SubjectTally.hash(into:)",
      "Probe.SubjectTally.subscript(dynamicMember:)"
    ) {
      var sum = SubjectTally()
      sum.asked.removeLast($0.below(7))
      touch(
        (sum == SubjectTally(), sum.hashValue, sum.asked.count, sum[dynamicMember: \.probeCount]))
      for _ in 0..<3 {
        var tally = SubjectTally()
        tally.probeCount = $0.number()
        tally.executedCount = $0.number()
        tally.agreementCount = $0.number()
        tally.disagreementCount = $0.number()
        tally.lostCount = $0.number()
        if $0.bool() { tally.asked = [] }
        tally.notRun = [$0.one(of: NotRunReason.allCases): $0.number()]
        tally.deviations = [$0.deviation(): $0.number()]
        sum.merge(tally)
      }
    },
    HostileCall("Probe.processorCount()", "Probe.VerificationOptions.init()") { _ in
      touch((processorCount(), VerificationOptions().timeLimit))
    },
  ]

  static let evidence: [HostileCall] = [
    HostileCall(
      "Probe.AccessForm.init(rawValue:)", "Probe.WalkEndKind.init(rawValue:)",
      "Probe.DisagreeingPairs.init(rawValue:)", "Probe.FlagDifference.init(rawValue:)",
      "Probe.AgentBatch.Loop.init(rawValue:)"
    ) { _ in
      for byte in UInt8.min...UInt8.max {
        touch((AccessForm(rawValue: byte), WalkEndKind(rawValue: byte)))
        touch((DisagreeingPairs(rawValue: byte).ids, FlagDifference(rawValue: byte)))
        touch(AgentBatch.Loop(rawValue: UInt64(byte)))
      }
    },
    HostileCall(
      "Probe.ConformanceProfile.init(rawValue:)", "Probe.HostChangeMeans.init(rawValue:)",
      "Probe.MachineFeature.init(rawValue:)", "Probe.NotRunReason.init(rawValue:)",
      "Probe.ProbeExtent.init(rawValue:)"
    ) {
      touch(ProbeExtent(rawValue: $0.text()))
      touch((ConformanceProfile(rawValue: $0.text()), HostChangeMeans(rawValue: $0.text())))
      touch((MachineFeature(rawValue: $0.text()), NotRunReason(rawValue: $0.text())))
      for reason in NotRunReason.allCases { touch(reason.message) }
    },
    HostileCall(
      "Probe.Deviation.faultMarksLeaf(level:)", "Probe.Deviation.init(when:_:)",
      "Probe.Deviation.keyNotReported(level:)",
      "Probe.Deviation.rootEntryUnreachableAtUser(index:)",
      "Probe.DeviationAttribute.init(name:value:)", "Probe.DeviationEffect.init(name:number:)"
    ) {
      let deviation = $0.deviation()
      touch((deviation.id, deviation.message))
      for attribute in deviation.condition { touch((attribute.name, attribute.value)) }
      let name = $0.one(of: ["root-entry", "level", "levels", "cpl", "rule", $0.text()])
      touch(DeviationAttribute(name: name, value: $0.text()))
      touch(DeviationAttribute(name: name, value: String($0.number())))
      let number = UInt32(truncatingIfNeeded: $0.random())
      touch(DeviationEffect(name: $0.text(), number: $0.bool() ? nil : number))
    },
    HostileCall(
      "Probe.DeviationSubject.init(_:form:privilege:walk:prediction:rootIndex:)",
      "Probe.EvidenceKey.init(_:modelled:)", "Probe.EvidenceKey.init(text:)",
      "Probe.DeviationResponse.init(text:)", "Probe.EvidenceDifference.init(_:_:)"
    ) {
      let key = EvidenceKey(try $0.deviationSubject(), modelled: .generalProtection)
      touch(EvidenceKey(text: key.text))
      touch(EvidenceKey(text: $0.text()))
      touch(EvidenceKey(text: String(key.text.dropLast($0.below(40)))))
      if let response = DeviationResponse(text: $0.text()) { touch(response.text) }
      touch(EvidenceDifference(key, .wrongPage))
    },
    HostileCall(
      "Probe.ConformanceEvidence.init()", "Probe.ConformanceEvidence.add(_:_:)",
      "Probe.ConformanceEvidence.add(_:count:)", "Probe.ConformanceEvidence.merge(_:)",
      "Probe.DifferenceRecord.init(count:example:)",
      "Probe.ConformanceMismatch.init(matrix:block:mode:entries:address:modelled:executed:flags:)"
    ) {
      var sum = try $0.evidence()
      sum.merge(try $0.evidence())
      sum.merge(sum)
      touch(sum.agreed.count)
    },
    HostileCall("Probe.ConformanceTally.init()", "Probe.ConformanceTally.merge(_:)") {
      var sum = $0.tally()
      for _ in 0..<3 { sum.merge($0.tally()) }
      touch(sum.differingCount)
    },
    HostileCall("Probe.ConformanceShard.init(_:of:)", "Probe.ConformanceOptions.init()") {
      touch(ConformanceShard($0.number(), of: $0.number()))
      touch(ConformanceOptions().workerCount)
    },
    HostileCall(
      "Probe.ConformanceReport.init(profile:shard:machine:finished:total:profileBlockCount:evidence:notRun:time:)",
      "Probe.ConformanceReport.merged(_:)"
    ) {
      let report = try $0.conformanceReport()
      touch((report.blockCount, report.isComplete))
      let findings = report.findings
      touch((findings.explainedCount, findings.unexplainedCount))
      touch(try ConformanceReport.merged([report, report, try $0.conformanceReport()]).isComplete)
    },
    HostileCall("Probe.ConformanceReport.merged(_:)") { _ in
      touch(try ConformanceReport.merged([]).isComplete)
    },
    HostileCall(
      "Probe.MachineProfile.configuration(for:)", "Probe.MachineProfile.isOfTheSameKind(as:)",
      "Probe.MachineProfile.init(identity:vendor:physicalAddressWidth:features:memoryHoles:deviations:)",
      "Probe.MachineProfile.obstacle(for:)"
    ) {
      let profile = $0.profile()
      touch((profile.obstacle(for: $0.space()), profile.isOfTheSameKind(as: $0.profile())))
      touch(try profile.configuration(for: $0.space()))
    },
    HostileCall("Probe.Remedy.steps(for:)") {
      let error = $0.one(of: [
        MachineError.calibrationFailed($0.text()), .memory(.invalidByteCount($0.word())),
        .kvm(.noDevice(path: $0.text())), .kvm(.call(.run, errorNumber: .min)),
      ])
      touch((Remedy.steps(for: error), error.id, error.message, error.hint))
    },
  ]
}
