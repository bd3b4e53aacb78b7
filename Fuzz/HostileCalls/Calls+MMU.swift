// The calls of MMU.

import MMU

/// Memory whose every word is hostile, for walks and listings: most entries lead back into it.
struct HostileWords: PhysicalMemory {
  let seed: UInt64
  let density: UInt64

  func loadWord(at address: GuestPhysicalAddress) -> UInt64? {
    guard address.rawValue & 7 == 0, address.rawValue < 1 << 40 else { return nil }
    var values = HostileValues(seed: seed ^ address.rawValue)
    guard values.random() % density == 0 else { return 0 }
    return values.random() & 0x8000_00ff_ffff_ffff | 1
  }
}

/// Counts what it hears and stops some time.
struct HostileListener: ListingReceiver, TableVisitor {
  var left: Int

  mutating func receive(_ item: ListedItem) -> ListingDecision {
    if case .run(var run) = item {
      _ = run.append(run)
      touch((run.byteCount, run.lastAddress, run.isWritable, run.isUser, run.isExecutable))
    }
    left &-= 1
    return left <= 0 ? .stop : .goOn
  }

  mutating func visit(_ table: TableVisit) -> TraversalDecision {
    left &-= 1
    return left <= 0 ? .stop : .enter
  }

  mutating func visit(_ entry: EntryVisit, in table: TableVisit) -> TraversalDecision {
    left &-= 1
    return left <= 0 ? .stop : left % 3 == 0 ? .skip : .enter
  }
}

extension HostileCall {
  static let addresses: [HostileCall] = [
    HostileCall(
      "MMU.AccessKind.init(rawValue:)", "MMU.AccessOrigin.init(rawValue:)",
      "MMU.AuditSeverity.init(rawValue:)",
      "MMU.EffectiveRights.init(rawValue:)", "MMU.Level.init(rawValue:)",
      "MMU.LevelSet.init(rawValue:)", "MMU.LinearAddressWidth.init(rawValue:)",
      "MMU.PrivilegeLevel.init(rawValue:)", "MMU.ProcessorVendor.init(rawValue:)"
    ) { values in
      for byte in UInt8.min...UInt8.max {
        touch((AccessKind(rawValue: byte), AccessOrigin(rawValue: byte)))
        touch((AuditSeverity(rawValue: byte), EffectiveRights(rawValue: byte).description))
        touch((Level(rawValue: byte), LevelSet(rawValue: byte).levels))
        touch((LinearAddressWidth(rawValue: byte), PrivilegeLevel(rawValue: byte)))
        touch(ProcessorVendor(rawValue: byte))
      }
    },
    HostileCall("MMU.PageFaultErrorCode.init(rawValue:)", "MMU.PageSize.init(rawValue:)") {
      touch(PageFaultErrorCode(rawValue: UInt32(truncatingIfNeeded: $0.random())))
      touch(PageSize(rawValue: $0.word()))
    },
    HostileCall("MMU.AuditRule.init(rawValue:)") { touch(AuditRule(rawValue: $0.text())) },
    HostileCall(
      "MMU.Access.init(_:origin:)", "MMU.CPUMode.init(privilege:controls:)",
      "MMU.CPUMode.subscript(dynamicMember:)"
    ) {
      touch(($0.access(), $0.mode()))
    },
    HostileCall("MMU.LinearAddress.init(_:width:)") {
      touch(try LinearAddress($0.word(), width: $0.bool() ? .bits57 : .bits48))
    },
    HostileCall(
      "MMU.LinearAddress.init(truncating:width:)", "MMU.LinearAddress.<(_:_:)",
      "MMU.Level.index(of:)", "MMU.Level.<(_:_:)"
    ) {
      touch(($0.linear() < $0.linear(), $0.level().index(of: $0.linear()), $0.level() < $0.level()))
    },
    HostileCall(
      "MMU.LinearAddressWidth.isCanonical(_:)", "MMU.LinearAddressWidth.signExtended(_:)"
    ) {
      for width in [LinearAddressWidth.bits48, .bits57] {
        touch((width.isCanonical($0.word()), width.signExtended($0.word())))
      }
    },
    HostileCall("MMU.GuestPhysicalAddress.init(_:)") { touch(try GuestPhysicalAddress($0.word())) },
    HostileCall(
      "MMU.GuestPhysicalAddress.init(truncating:)", "MMU.GuestPhysicalAddress.<(_:_:)"
    ) { touch($0.physical() < $0.physical()) },
    HostileCall(
      "MMU.LevelSet.contains(_:)", "MMU.LevelSet.init(_:)", "MMU.LevelSet.init(above:upTo:)",
      "MMU.LevelSet.init(from:through:)"
    ) {
      touch(LevelSet(from: $0.level(), through: $0.level()).levels)
      touch(LevelSet(above: $0.level(), upTo: $0.level()).contains($0.level()))
      touch(LevelSet($0.level()))
    },
    HostileCall("MMU.PageSize.init(level:)", "MMU.PageSize.<(_:_:)") {
      touch((PageSize(level: $0.level()), $0.pageSize() < $0.pageSize()))
    },
    HostileCall("MMU.AuditSeverity.<(_:_:)") { _ in
      for left in AuditSeverity.allCases {
        for right in AuditSeverity.allCases { touch(left < right) }
      }
    },
    HostileCall(
      "MMU.AccessControl.init(rawValue:)", "MMU.AccessControl.value(cr0:cr4:)",
      "MMU.AccessControls.init()", "MMU.AccessControls.subscript(_:)",
      "MMU.Assumptions.init(about:)", "MMU.Assumptions.isAbout(_:)"
    ) {
      touch(AccessControl(rawValue: $0.text()))
      var controls = AccessControls()
      for control in AccessControl.allCases {
        controls[control] = UInt32(truncatingIfNeeded: $0.random())
        touch((control.value(cr0: $0.random(), cr4: $0.random()), controls[control]))
        touch(Assumptions(about: control).isAbout(control))
      }
    },
    HostileCall(
      "MMU.EveryRule.init()", "MMU.EveryRule.includes(_:)", "MMU.EveryRuleExcept.init(_:)",
      "MMU.EveryRuleExcept.includes(_:)", "MMU.RuleSelection.includes(_:)"
    ) {
      let rule = $0.one(of: ArchitectureRule.allCases)
      touch((rule.id, rule.title, rule.source))
      let selections: [any RuleSelection] = [EveryRule(), EveryRuleExcept(rule)]
      touch(selections.map { $0.includes(rule) })
    },
    HostileCall(
      "MMU.PagingConfiguration.init(rootLevel:physicalAddressWidth:isNoExecuteEnabled:supports1GiBPages:vendor:)"
    ) { touch(try $0.paging().alwaysReservedBits) },
    HostileCall(
      "MMU.PageTableEntry.init(_:at:)", "MMU.PageTableEntry.reservedBits(in:)",
      "MMU.PageTableEntry.reservedMask(in:)", "MMU.EntryReference.init(_:level:)"
    ) {
      let entry = PageTableEntry($0.random(), at: $0.level())
      let paging = try $0.paging()
      touch((entry.reservedBits(in: paging), entry.reservedMask(in: paging), entry.pageAddress))
      let reference = EntryReference($0.physical(), level: $0.level())
      touch((reference.address, reference.level))
    },
    HostileCall(
      "MMU.InheritedRights.init()", "MMU.InheritedRights.below(_:at:)",
      "MMU.MappedRun.sameBits(_:)"
    ) {
      var rights = InheritedRights()
      for _ in 0..<6 {
        rights = rights.below(PageTableEntry($0.random(), at: $0.level()), at: $0.physical())
      }
      touch((rights, MappedRun.sameBits($0.pageSize())))
    },
  ]

  static let walks: [HostileCall] = [
    HostileCall(
      "MMU.Walk.init(_:cr3:configuration:in:)", "MMU.Walk.init(_:cr3:configuration:in:under:)",
      "MMU.PhysicalMemory.loadWord(at:)", "MMU.PhysicalMemory.loadTable(at:into:)",
      "MMU.PhysicalMemory.hasWord(at:)", "MMU.PhysicalMemory.scanTable(at:into:)"
    ) {
      let words = HostileWords(seed: $0.random(), density: 1)
      var table = [UInt64](repeating: 1, count: $0.one(of: [0, 1, 512, 600]))
      words.loadTable(at: $0.physical(), into: &table)
      _ = words.hasWord(at: $0.physical())
      words.scanTable(at: $0.physical(), into: &table)
      let rule = $0.one(of: ArchitectureRule.allCases)
      let paging = try $0.paging()
      touch(Walk($0.word(), cr3: $0.word(), configuration: paging, in: words).end)
      touch(
        Walk(
          $0.word(), cr3: $0.word(), configuration: paging, in: words, under: EveryRuleExcept(rule)
        ).translation)
    },
    HostileCall(
      "MMU.Walk.step(_:)", "MMU.Walk.step(at:)", "MMU.WalkSteps.init(of:)",
      "MMU.WalkSteps.subscript(_:)", "MMU.WalkStep.init(entry:entryAddress:)",
      "MMU.Blame.init(rule:step:bits:)"
    ) {
      let walk = try hostileWalk(&$0)
      for position in [$0.number(), 77, 5, 256, -1, $0.number()] {
        touch((walk.step(position), walk.steps[position]))
      }
      touch((walk.step(at: $0.level()), walk.lastStep, WalkSteps(of: walk).map(\.place)))
      let step = WalkStep(
        entry: PageTableEntry($0.random(), at: $0.level()), entryAddress: $0.physical())
      touch(
        Blame(rule: $0.one(of: ArchitectureRule.allCases), step: step, bits: $0.word()).level)
    },
    HostileCall(
      "MMU.Walk.predict(_:mode:configuration:)", "MMU.Walk.predict(_:mode:configuration:under:)",
      "MMU.Walk.explain(_:mode:configuration:)", "MMU.Walk.effectiveRights(mode:configuration:)",
      "MMU.AccessPrediction.init(outcome:mustSetAccessed:maySetAccessed:mustSetDirty:blame:)"
    ) {
      let walk = try hostileWalk(&$0)
      // Another configuration than the walk's.
      let paging = try $0.paging()
      let mode = $0.mode()
      let prediction = walk.predict($0.access(), mode: mode, configuration: paging)
      touch((prediction, walk.effectiveRights(mode: mode, configuration: paging)))
      let rule = EveryRuleExcept($0.one(of: ArchitectureRule.allCases))
      touch(walk.predict($0.access(), mode: mode, configuration: paging, under: rule))
      let explanation = walk.explain($0.access(), mode: mode, configuration: paging)
      touch((explanation.blames, explanation.blame))
      touch(
        AccessPrediction(
          outcome: prediction.outcome,
          mustSetAccessed: LevelSet(rawValue: UInt8(truncatingIfNeeded: $0.random())),
          mustSetDirty: $0.level(), blame: explanation.blame))
    },
  ]

  static let listings: [HostileCall] = [
    HostileCall(
      "MMU.PageTables.init(cr3:configuration:)", "MMU.PageTables.hasRoot(in:)",
      "MMU.PageTables.traverse(in:_:)", "MMU.TableVisitor.visit(_:)",
      "MMU.TableVisitor.visit(_:in:)", "MMU.TableVisitor.leave(_:)"
    ) {
      let tables = PageTables(cr3: $0.word(), configuration: try $0.paging())
      let words = HostileWords(seed: $0.random(), density: UInt64(1 + $0.below(200)))
      var listener = HostileListener(left: $0.one(of: [0, 1, 3000, -1]))
      touch(tables.hasRoot(in: words))
      tables.traverse(in: words, &listener)
    },
    HostileCall(
      "MMU.PageTables.list(in:shared:to:)", "MMU.ListingReceiver.receive(_:)",
      "MMU.MappedRun.append(_:)", "MMU.MappedRun.init(_:_:inherited:)",
      "MMU.MappedRun.effectiveRights(mode:)"
    ) {
      let tables = PageTables(cr3: $0.word(), configuration: try $0.paging())
      let words = HostileWords(seed: $0.random(), density: UInt64(100 + $0.below(400)))
      var listener = HostileListener(left: 2000)
      let limit = $0.word()
      tables.list(
        in: words, shared: $0.one(of: [.once, .automatic, .expandUpTo(limit)]), to: &listener)
      var collected = RunCollector()
      tables.list(in: words, shared: .once, to: &collected)
      let mode = $0.mode()
      for run in collected.runs { touch(run.effectiveRights(mode: mode)) }
    },
    HostileCall(
      "MMU.PageTables.deadEnds(in:)", "MMU.DeadEndReport.init()", "MMU.DeadEndReport.note(_:)",
      "MMU.PointingRegister.init(rawValue:)", "MMU.RegisterProblem.Cause.init(rawValue:)", every: 4
    ) {
      let tables = PageTables(cr3: $0.word(), configuration: try $0.paging())
      let words = HostileWords(seed: $0.random(), density: UInt64(200 + $0.below(400)))
      let found = tables.deadEnds(in: words)
      var report = DeadEndReport()
      for end in found.deadEnds {
        report.note(.deadEnd(end))
        touch((end.byteCount, end.lastAddress))
      }
      touch((report.isWhole, report.droppedCount))
      touch((PointingRegister(rawValue: $0.text()), RegisterProblem.Cause(rawValue: $0.text())))
    },
    HostileCall(
      "MMU.PageTables.cost(in:)", "MMU.PageTables.census(in:)",
      "MMU.PageTables.audit(in:under:)", "MMU.AuditConditions.init(pat:mode:)",
      "MMU.RegisterUse.instructions(at:_:)", "MMU.RegisterUse.stack(below:_:)",
      "MMU.RegisterUse.descriptors(_:base:limit:)", every: 4
    ) {
      let tables = PageTables(cr3: $0.word(), configuration: try $0.paging())
      let words = HostileWords(seed: $0.random(), density: UInt64(200 + $0.below(400)))
      touch(tables.cost(in: words))
      touch(tables.census(in: words).byteCount)
      var conditions = AuditConditions(pat: $0.random(), mode: $0.mode())
      conditions.userStack = $0.word()
      conditions.isCETEnabled = $0.below(2) == 0
      let start = $0.word()
      let end = $0.word()
      conditions.memory = [min(start, end)..<max(start, end)]
      conditions.registerUses = [
        .instructions(at: $0.word(), .user), .stack(below: $0.word(), .supervisor),
        .descriptors(.gdtr, base: $0.word(), limit: UInt32($0.below(0x2_0000))),
      ]
      touch(tables.audit(in: words, under: conditions).findings.count)
    },
  ]
}

private struct RunCollector: ListingReceiver {
  var runs: [MappedRun] = []

  mutating func receive(_ item: ListedItem) -> ListingDecision {
    if case .run(let run) = item { runs.append(run) }
    return runs.count < 200 ? .goOn : .stop
  }
}

private func hostileWalk(_ values: inout HostileValues) throws -> Walk {
  let words = HostileWords(seed: values.random(), density: 1)
  return Walk(
    values.word(), cr3: values.word(), configuration: try values.paging(), in: words)
}
