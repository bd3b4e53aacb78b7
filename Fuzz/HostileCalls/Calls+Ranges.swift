// The calls of Probe that compare ranges, and what reports say is unproved.

import GuestMem
import Inspection
import KVM
import MMU
import Probe

extension HostileValues {
  mutating func basis() -> AskedBasis { one(of: [.effective, .leaf, .nothing]) }

  mutating func statement() -> PageStatement {
    var page = PageStatement(physicalAddress: bool() ? nil : word(), basis: basis())
    if bool() { page.isWritable = bool() }
    if bool() { page.isExecutable = bool() }
    if bool() { page.isUser = bool() }
    if bool() { page.isGlobal = bool() }
    if bool() { page.isAccessed = bool() }
    if bool() { page.isDirty = bool() }
    if bool() { page.protectionKey = UInt8(truncatingIfNeeded: random()) }
    if bool() { page.softwareBits = UInt16(truncatingIfNeeded: random()) }
    if bool() { page.pageSize = pageSize() }
    if bool() {
      page.setMemoryTypes(ofIndices: UInt8(truncatingIfNeeded: random()), in: random())
    } else {
      page.setMemoryType(one(of: MemoryType.allCases), in: random())
    }
    if bool() { page.remove(RangeProperties(rawValue: UInt16(truncatingIfNeeded: random()))) }
    return page
  }

  mutating func range() -> AskedRange {
    var range = AskedRange(
      first: word(), last: word(),
      content: one(of: [.absent, .unsaid, .mapped(statement()), .recursive(statement())]),
      mapping: bool() ? nil : number())
    // The end before the begin.
    if below(4) == 0 { range.last = word() }
    return range
  }

  mutating func ranges() -> [AskedRange] { (0..<below(12)).map { _ in range() } }

  mutating func inspect(_ comparison: RangeComparison) {
    for difference in comparison.differences.prefix(20) {
      touch(difference.message(in: random()))
    }
    touch((comparison.isAgreement, comparison.droppedCount))
  }
}

extension HostileCall {
  static let ranges: [HostileCall] = [
    HostileCall(
      "Probe.AskedRange.init(first:last:content:mapping:)", "Probe.AskedRange.append(_:)",
      "Probe.AskedRange.without(_:)"
    ) {
      var range = $0.range()
      for _ in 0..<4 {
        touch(range.append($0.range()))
        touch(range.without(RangeProperties(rawValue: UInt16(truncatingIfNeeded: $0.random()))))
      }
    },
    HostileCall("Probe.AddressSpace.askedRanges(placements:basis:pageAttributeTable:)") {
      let placements: [UInt64?] = [[], [nil], [$0.word(), nil, 0]][$0.below(3)]
      touch(
        $0.space().askedRanges(
          placements: placements, basis: $0.basis(), pageAttributeTable: $0.random()
        ).count)
    },
    HostileCall(
      "Probe.PageStatement.init(physicalAddress:basis:)", "Probe.PageStatement.remove(_:)",
      "Probe.PageStatement.setMemoryType(_:in:)",
      "Probe.PageStatement.setMemoryTypes(ofIndices:in:)", "Probe.PageStatement.words(in:naming:)"
    ) {
      let properties = RangeProperties(rawValue: UInt16(truncatingIfNeeded: $0.random()))
      let page = $0.statement()
      touch((page.words(in: $0.random(), naming: properties), page.unsaid, page.patIndices))
    },
    HostileCall(
      "Probe.RangeProperties.init(rawValue:)", "Probe.RangeProperties.init(_:)",
      "Probe.RangeProperties.contains(_:)", "Probe.RangeProperty.init(rawValue:)",
      "Probe.RangeDifferenceKind.init(rawValue:)", "Probe.PageFlags.init(rawValue:)"
    ) {
      for byte in UInt8.min...UInt8.max {
        if let property = RangeProperty(rawValue: byte) {
          touch(RangeProperties(property).contains(property))
        }
        touch(PageFlags(rawValue: byte))
      }
      touch(RangeProperties(rawValue: UInt16(truncatingIfNeeded: $0.random())).properties)
      touch(RangeDifferenceKind(rawValue: $0.text()))
    },
    HostileCall(
      "Probe.RangeComparison.init()", "Probe.RangeComparison.between(_:and:pageAttributeTable:)",
      "Probe.RangeDifference.message(in:)"
    ) {
      $0.inspect(RangeComparison())
      let (left, right) = ($0.ranges(), $0.ranges())
      $0.inspect(RangeComparison.between(left, and: right, pageAttributeTable: $0.random()))
    },
    HostileCall(
      "Probe.RangeComparison.between(_:and:in:pageAttributeTable:isCancelled:)",
      "Probe.RangeComparison.between(_:in:and:in:pageAttributeTable:ignoring:isCancelled:)",
      "MMU.PageTables.kind(of:in:)"
    ) {
      var bytes = [UInt8](repeating: 0, count: 9 << 12)
      for _ in 0..<$0.below(600) {
        let word = $0.bool() ? $0.random() : UInt64($0.below(9)) << 12 | 7
        let place = $0.below(9 * 512) * 8
        for index in 0..<8 { bytes[place + index] = UInt8(truncatingIfNeeded: word >> (8 * index)) }
      }
      let image = try MemoryImage(
        bytes: bytes, reading: .raw(base: GuestPhysicalAddress(truncating: 0)))
      let tables = PageTables(cr3: $0.bool() ? 0 : $0.word(), configuration: try $0.paging())
      let other = PageTables(cr3: UInt64($0.below(9)) << 12, configuration: try $0.paging())
      let ignored = RangeProperties(rawValue: UInt16(truncatingIfNeeded: $0.random()))
      let isCancelled = $0.below(4) == 0
      touch(tables.kind(of: PageTableEntry($0.random(), at: $0.level()), in: image))
      $0.inspect(
        RangeComparison.between(
          $0.ranges(), and: tables, in: image, pageAttributeTable: $0.random()
        ) { isCancelled })
      $0.inspect(
        RangeComparison.between(
          tables, in: image, and: other, in: image, pageAttributeTable: $0.random(),
          ignoring: ignored
        ) { isCancelled })
    },
    HostileCall(
      "Probe.ProofReport.unproved(of:)", "Probe.ProofReport.verdict(allowing:)",
      "Probe.ProofVerdict.init(rawValue:)", "Probe.SubjectTally.unproved(on:)",
      "Probe.Unproved.init(_:deviation:count:of:on:)", "Probe.UnprovedReason.init(id:)",
      "Probe.UnprovedReason.remedy(on:)", "Probe.UnprovedUnit.init(rawValue:)"
    ) {
      let walker = $0.bool() ? nil : $0.one(of: [TableWalker.unknown, .tcg])
      touch((ProofVerdict(rawValue: $0.text()), UnprovedReason(id: $0.text())))
      touch(UnprovedUnit(rawValue: $0.text()))
      let reason = $0.one(of: UnprovedReason.allCases)
      touch((reason.remedy(on: walker), reason.message))
      touch(
        Unproved(
          reason, deviation: $0.deviation(), count: $0.number(),
          of: $0.one(of: UnprovedUnit.allCases), on: walker
        ).message)
      var tally = SubjectTally()
      tally.lostCount = $0.number()
      tally.notRun = [$0.one(of: NotRunReason.allCases): $0.number()]
      tally.deviations = [$0.deviation(): $0.number()]
      touch(tally.unproved(on: walker))
      let report = try Verifier.modelOnly.verify($0.space(), options: $0.options())
      let subject = $0.subject()
      if report.unproved(of: subject).isEmpty
        || report.verdict(allowing: { _ in false }) == .agreement
      {
        $0.falseAgreements.append("Probe.ProofReport.verdict(allowing:)")
      }
    },
  ]
}
