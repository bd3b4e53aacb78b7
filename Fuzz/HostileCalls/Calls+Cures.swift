// The calls of MMU about cures, and about faults that were reported.

import MMU
import Probe

extension HostileCall {
  static let cures: [HostileCall] = [
    HostileCall(
      "MMU.AccessQuestion.init(_:_:mode:tables:)", "MMU.AccessQuestion.walk(in:)",
      "MMU.AccessQuestion.outcome(in:)", "MMU.AccessQuestion.diagnosis(in:uses:)",
      "MMU.TableUses.init(of:in:)", "MMU.Cure.applied(to:)", every: 4
    ) {
      let tables = PageTables(cr3: $0.word(), configuration: try $0.paging())
      let words = HostileWords(seed: $0.random(), density: UInt64(200 + $0.below(400)))
      let question = AccessQuestion($0.word(), $0.access(), mode: $0.mode(), tables: tables)
      touch((question.walk(in: words).end, question.outcome(in: words)))
      // The uses of other tables than those that are asked about.
      let others = PageTables(cr3: $0.word(), configuration: try $0.paging())
      let uses = $0.one(of: [nil, TableUses(of: others, in: words)])
      let diagnosis = question.diagnosis(in: words, uses: uses)
      for cure in diagnosis.cures {
        touch((cure.sentence, cure.result, cure.applied(to: question)))
      }
      for look in diagnosis.looks { touch((look.id, look.sentence)) }
      touch(diagnosis.suspicion?.sentence)
    },
    HostileCall(
      "MMU.EntryChange.init(_:to:)", "MMU.MemoryOverlay.with(_:over:_:)",
      "MMU.MemoryOverlay.loadWord(at:)", "MMU.AccessQuestion.cure(changing:arrivingAt:in:_:)",
      "MMU.AccessQuestion.cureThatFaults(changing:in:_:)", every: 4
    ) {
      let tables = PageTables(cr3: $0.word(), configuration: try $0.paging())
      let words = HostileWords(seed: $0.random(), density: UInt64(200 + $0.below(400)))
      let question = AccessQuestion($0.word(), $0.access(), mode: $0.mode(), tables: tables)
      let step = WalkStep(
        entry: PageTableEntry($0.random(), at: $0.level()), entryAddress: $0.physical())
      let changes = [
        EntryChange(step, to: $0.word()),
        EntryChange(question.walk(in: words).lastStep ?? step, to: $0.word()),
      ]
      let place = $0.physical()
      touch(changes.map(\.deed))
      touch(MemoryOverlay.with(changes, over: words) { $0.loadWord(at: place) })
      let uses = TableUses(of: tables, in: words)
      touch(question.cure(changing: changes, arrivingAt: place, in: words, uses)?.sentence)
      touch(question.cureThatFaults(changing: changes, in: words, uses)?.sentence)
    },
    HostileCall("Probe.ImageExpectation.judge(_:in:pageAttributeTable:)", every: 4) {
      let tables = PageTables(cr3: $0.word(), configuration: try $0.paging())
      let words = HostileWords(seed: $0.random(), density: UInt64(200 + $0.below(400)))
      let question = AccessQuestion($0.word(), $0.access(), mode: $0.mode(), tables: tables)
      let start = question.address & ~0xfff
      var page = PageStatement(physicalAddress: $0.one(of: [nil, $0.word(), ~0, 1 << 51]))
      page.isWritable = $0.one(of: [nil, true, false])
      page.isUser = $0.one(of: [nil, true])
      page.protectionKey = UInt8(truncatingIfNeeded: $0.random())
      page.pageSize = $0.one(of: [nil, .size4KiB, .size1GiB])
      let ranges = [
        AskedRange(first: start, last: start | 0xfff, content: .mapped(page)),
        AskedRange(first: $0.word(), last: $0.word(), content: $0.one(of: [.absent, .unsaid])),
      ]
      let expectation = ImageExpectation(
        space: AddressSpace(memoryByteCount: 0, mappings: []), placements: [], ranges: ranges)
      let judged = expectation.judge(
        question.diagnosis(in: words), in: words, pageAttributeTable: $0.word())
      touch((judged.meaning, judged.cures.map(\.sentence)))
    },
    HostileCall(
      "MMU.PageTables.neighbours(of:in:)", "MMU.PageTables.linearAddresses(of:limit:in:)",
      "MMU.PageTables.lookLikeFiveLevels(in:)", every: 4
    ) {
      let tables = PageTables(cr3: $0.word(), configuration: try $0.paging())
      let words = HostileWords(seed: $0.random(), density: UInt64(200 + $0.below(400)))
      touch(tables.neighbours(of: $0.word(), in: words))
      touch(tables.linearAddresses(of: $0.word(), limit: $0.number(), in: words))
      touch(tables.lookLikeFiveLevels(in: words))
    },
    HostileCall(
      "MMU.ReportedFault.init(_:for:assumed:in:)", "MMU.Assumptions.init(rawValue:)",
      "MMU.FittingAssumption.applied(to:)", every: 4
    ) {
      let tables = PageTables(cr3: $0.word(), configuration: try $0.paging())
      let words = HostileWords(seed: $0.random(), density: UInt64(200 + $0.below(400)))
      let question = AccessQuestion($0.word(), $0.access(), mode: $0.mode(), tables: tables)
      let code = PageFaultErrorCode(rawValue: UInt32(truncatingIfNeeded: $0.random()) & 0x3f)
      let assumed = Assumptions(rawValue: UInt16(truncatingIfNeeded: $0.random()))
      let fault = ReportedFault(code, for: question, assumed: assumed, in: words)
      if case .fitsIf(let assumptions) = fault {
        for assumption in assumptions { touch((assumption.sentence, assumption.option)) }
      }
      let width = UInt8(truncatingIfNeeded: $0.random())
      let bits = UInt32(truncatingIfNeeded: $0.random())
      for assumption in [
        FittingAssumption.physicalAddressWidth(atMost: width), .levels($0.number()), .pkru(bits),
      ] {
        touch((assumption.applied(to: question), assumption.sentence, assumption.option))
      }
    },
  ]
}
