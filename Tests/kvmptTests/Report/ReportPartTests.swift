// The parts of reports about probes, for every verdict and number of machines.

import KVM
import MMU
import Testing

@testable import Probe
@testable import kvmpt

@Suite("A report about probes says who was asked, what agreed, and what did not")
struct ReportPartTests {
  private static let plain = TextStyler(isEnabled: false)
  private static let space = HandMadeReport.space

  private static func summary(_ report: HandMadeReport, isAsked: Bool = true) -> String {
    ReportSummary(report, in: space, isAsked: isAsked, styler: plain).text
  }

  @Test(
    "The place of an agreement is the machines that executed a probe, be it one", arguments: 0..<3,
    0..<3)
  func places(_ first: Int, _ second: Int) throws {
    var report = HandMadeReport()
    try report.add("KVM", Array(repeating: .agreeing, count: first))
    try report.add("QEMU", Array(repeating: .agreeing, count: second))
    let sum = first + second
    guard sum > 0 else {
      #expect(report.verdict == .unproved)
      return
    }
    let place = first > 0 && second > 0 ? "KVM and QEMU" : "the machine"
    #expect(
      Self.summary(report) == """
        agreed: \(sum) probes on \(place), as asked and as modelled
        time: 2.050 s in all, 0.007 s of it calibration; \(sum / 2) probes per second
        """)
    #expect(
      Self.summary(report, isAsked: false).hasPrefix(
        "agreed: \(sum) probes on \(place), as modelled\n"))
    let machines = MachinesText(report: report)
    let names = [("KVM", first), ("QEMU", second)].filter { $0.1 > 0 }.map { "\($0.0) \($0.1)" }
    #expect(machines.cell(.mapping(0)).text == names.joined(separator: ", "))
    #expect(machines.cell(.mapping(1)).text == "")
    #expect(
      report.machines.executedCounts(of: .mapping(0)).map(\.count) == [first, second])
    #expect(report.machines.executedCounts(of: .mapping(1)).map(\.count) == [0, 0])
    let facts = machines.facts().map { $0.map(\.text) }
    #expect(facts.map { $0[0] } == ["machine", "machine"])
    #expect(facts[0][1].hasSuffix("; \(first) \(first == 1 ? "probe" : "probes") executed"))
    #expect(facts[1][1].hasSuffix("; \(second) \(second == 1 ? "probe" : "probes") executed"))
  }

  @Test("Each verdict has its words and its exit code")
  func verdicts() throws {
    func report(_ answers: [HandMadeReport.Answers]) throws -> HandMadeReport {
      var report = HandMadeReport()
      try report.add("KVM", answers)
      return report
    }
    func ended(_ reason: NotRunReason) throws -> HandMadeReport {
      var report = try report([.agreeing])
      report.tallies[.mapping(1), default: SubjectTally()].addUnplanned(1, reason)
      return report
    }
    let cases: [(HandMadeReport, ProofVerdict, Int32, String)] = [
      (
        try report([.agreeing, .agreeing]), .agreement, 0,
        "agreed: 2 probes on the machine, as asked and as modelled"
      ),
      (
        try report([.agreeing, .wrongMachine]), .disagreement, 1,
        "disagreed: 1 probe disagrees, of 2 probes on the machine"
      ),
      (
        try report([.wrongTables, .wrongTables]), .disagreement, 1,
        "disagreed: 2 probes disagree, of 2 probes on the machine"
      ),
      (
        try ended(.interrupted), .interrupted, 130,
        "not finished: \(NotRunReason.interrupted.message), with 6 of 7 probes; 1 agreed on the"
          + " machine, as asked and as modelled"
      ),
      (
        try ended(.timeLimit), .unfinished, 124,
        "not finished: \(NotRunReason.timeLimit.message), with 6 of 7 probes; 1 agreed on the"
          + " machine, as asked and as modelled"
      ),
      (
        try report([.agreeing, .notRun]), .unproved, 77,
        "unproved: 1 of 2 probes; 1 agreed on the machine, as asked and as modelled"
      ),
      (
        try report([.notRun]), .unproved, 77,
        "unproved: 1 of 1 probe; asked and modelled agree, and nothing was executed"
      ),
      (
        try report([.lost]), .unproved, 77,
        "unproved: 1 of 1 probe; asked and modelled agree, and nothing was executed"
      ),
    ]
    #expect(Set(cases.map(\.1)).count == ProofVerdict.allCases.count)
    let all = try AllowedUnproved(argument: "all")
    for (report, verdict, code, words) in cases {
      #expect(report.verdict == verdict)
      #expect(Self.summary(report).split(separator: "\n").first.map(String.init) == words)
      #expect(kvmpt.ExitStatus(report, allowing: .none).rawValue == code)
      #expect(kvmpt.ExitStatus(report, allowing: all).rawValue == (code == 77 ? 0 : code))
    }
  }

  @Test("A row of a table says how its probes ended, and whether the tables differ")
  func rows() throws {
    typealias Answers = HandMadeReport.Answers
    let cases: [([Answers], String)] = [
      ([], "unproved"), ([.agreeing], "agree"), ([.notRun], "unproved"), ([.lost], "unproved"),
      ([.agreeing, .notRun], "unproved, in part"), ([.agreeing, .lost], "unproved, in part"),
      ([.agreeing, .wrongTables], "disagree"), ([.wrongMachine], "disagree"),
      ([.wrongMachine, .notRun], "disagree"),
    ]
    for (answers, word) in cases {
      var report = HandMadeReport()
      try report.add("KVM", answers)
      var tally = report.tallies[.mapping(0)] ?? SubjectTally()
      for differs in [false, true] {
        let cells = ProofText.cells(tally, pageCount: 1234, differs: differs).map(\.text)
        #expect(cells.count == 6)
        #expect(Array(cells[3...]) == ["1,234", "\(answers.count)", differs ? "disagree" : word])
      }
      #expect(ProofText.cells(tally, pageCount: 0).last?.text == word)
      // What the time limit or somebody left is not finished, unless it disagrees.
      for reason in [NotRunReason.timeLimit, .interrupted] {
        var unfinished = tally
        unfinished.addUnplanned(1, reason)
        #expect(
          ProofText.cells(unfinished, pageCount: 0).last?.text
            == (word == "disagree" ? word : "not finished"))
      }
      tally.addUnplanned(1, .noSMEP)
      let rest = word == "agree" ? "unproved, in part" : word
      #expect(ProofText.cells(tally, pageCount: 0).last?.text == rest)
    }
  }

  @Test("A case of a test report fails with its own disagreements, and with no others")
  func cases() throws {
    let subjects: [ProbeSubject] = [
      .mapping(0), .mapping(1), .gap(nearMapping: -1), .unasked, .expectation(0), .kind(0),
    ]
    var report = HandMadeReport()
    for (index, subject) in subjects.enumerated() {
      try report.add(
        "KVM", about: subject, Array(repeating: .wrongMachine, count: index + 1) + [.agreeing])
    }
    for (index, subject) in subjects.enumerated() {
      guard
        case .failed(let id, let message, let details) = ReportSuite.outcome(
          of: subject, report, in: Self.space)
      else {
        Issue.record("\(subject) passed")
        continue
      }
      #expect(id == "asked-executed")
      #expect(message == "\(index + 1) \(index == 0 ? "probe" : "probes") disagree")
      #expect(details.count == index + 1)
      let words = subject.words(in: Self.space)
      #expect(details.allSatisfy { $0.contains(", \(words)") }, "\(details)")
    }
    // All gaps are one case.
    let near = try HandMadeReport.disagreement(
      HandMadeReport.verdict(.gap(nearMapping: 1), .wrongMachine))
    report.disagreements.append(near)
    if case .failed(_, _, let details) = ReportSuite.outcome(
      of: .gap(nearMapping: -1), report, in: Self.space)
    {
      #expect(details.count == 4 && details.last?.contains("unmapped, near 'second'") == true)
    }
    // Of many, twenty are shown.
    for count in [19, 20, 21, 40] {
      var many = HandMadeReport()
      try many.add("KVM", Array(repeating: .wrongTables, count: count))
      if case .failed(let id, let message, let details) = ReportSuite.outcome(
        of: .mapping(0), many, in: Self.space)
      {
        #expect(id == "asked-modelled" && message == "\(count) probes disagree")
        #expect(details.count == min(count, 20))
      } else {
        Issue.record("it passed")
      }
    }
  }

  @Test(
    "A case that agrees passes; one that was not made is skipped, or an error where it was cut short"
  )
  func otherCases() throws {
    var report = HandMadeReport()
    try report.add("KVM", about: .mapping(0), [.agreeing])
    try report.add("KVM", about: .mapping(1), [.agreeing, .notRun, .notRun])
    try report.add("KVM", about: .mapping(2), [.agreeing])
    report.tallies[.mapping(2), default: SubjectTally()].addUnplanned(1, .timeLimit)
    func outcome(_ subject: ProbeSubject) -> ReportOutcome {
      ReportSuite.outcome(of: subject, report, in: Self.space)
    }
    guard case .passed = outcome(.mapping(0)), case .skipped(let reason) = outcome(.mapping(1)),
      case .errored(let id, let message, let details) = outcome(.mapping(2)),
      case .skipped(let unplanned) = outcome(.expectation(0))
    else {
      Issue.record("other outcomes")
      return
    }
    #expect(
      reason.hasPrefix("unproved: 2 probes, \(NotRunReason.noMachine.message) [no-machine]; "))
    #expect(id == "time-limit")
    #expect(message == "6 probes not made: \(NotRunReason.timeLimit.message)")
    #expect(details.count == 1 && details[0].hasPrefix("unproved: 6 probes, "))
    #expect(unplanned.hasPrefix("unproved: 1 mapping or expectation, "))
    // Flags: what is not proved anywhere is not proved of them.
    guard case .skipped(let flags) = ReportSuite.flagCase(report).outcome else {
      Issue.record("the flags passed")
      return
    }
    #expect(flags.contains("[no-machine]") && flags.contains("[time-limit]"))
    var sound = HandMadeReport()
    try sound.add("KVM", [.agreeing])
    guard case .passed = ReportSuite.flagCase(sound).outcome else {
      Issue.record("the flags did not pass")
      return
    }
  }

  @Test("Properties name no machine, the one, or each with what it executed")
  func properties() throws {
    func properties(_ report: HandMadeReport) -> [String] {
      ReportSuite.machines(report).map { "\($0.name): \($0.value)" }
    }
    var report = HandMadeReport()
    #expect(properties(report) == ["machine: none: only the model was asked"])
    #expect(
      MachinesText(report: report).facts().first?.map(\.text) == [
        "machine", "none: only the model was asked",
      ])
    try report.add("KVM", [.agreeing, .agreeing])
    let first = HandMadeReport.machine("KVM").words
    #expect(properties(report) == ["machine: \(first)"])
    #expect(!MachinesText(report: report).isPlural)
    report.machines.problem = .calibrationUnfinished
    let problem = MachineError.calibrationUnfinished.message
    #expect(properties(report) == ["machine: \(first)", "machine not asked: \(problem)"])
    report.machines.problem = nil
    try report.add("QEMU", [.agreeing])
    report.machines.differenceCount = 7
    let second = HandMadeReport.machine("QEMU").words
    #expect(
      properties(report) == [
        "machine: \(first)", "executed by KVM: 2", "machine: \(second)", "executed by QEMU: 1",
        "machines differ: 7",
      ])
    #expect(MachinesText(report: report).isPlural)
    #expect(
      Self.summary(report).contains(
        "\nmachines differ: 7 probes that KVM and QEMU answered differently\n"))
  }

  @Test("A page of an image is expected as the mapping that contains it, by its own addresses")
  func expectedMapping() throws {
    // 0x1000 to 0x2fff and 0x8000 to 0x8fff are asked for.
    let expected: [(UInt64, String)] = [
      (0, ""), (0xfff, ""), (0x1000, "first"), (0x1fff, "first"), (0x2000, "second"),
      (0x2fff, "second"), (0x3000, ""), (0x7fff, ""), (0x8000, "third"), (0x8fff, "third"),
      (0x9000, ""), (0xffff_8000_0000_0000, ""),
    ]
    for (address, name) in expected {
      for subject in [ProbeSubject.kind(0), .mapping(2)] {
        let text = DisagreementText(
          try HandMadeReport.disagreement(
            HandMadeReport.verdict(subject, .wrongTables, at: address)), in: Self.space
        ).text
        let words = subject == .kind(0) ? "a page" : "mapping 'third'"
        let more = subject == .kind(0) && !name.isEmpty ? ", expected as '\(name)'" : ""
        #expect(
          text.hasPrefix(
            "\(HexadecimalNumber(address)): read at CPL 3, \(words)\(more):"
              + " the tables are not what was asked for\n"), "\(text)")
      }
    }
  }

  @Test("A probe in another byte than the one that was asked about says both")
  func addresses() {
    let asked = HandMadeReport.verdict(
      .expectation(0), .agreeing, at: 0x1234, isExact: true, probedAt: 0x1f00)
    #expect(asked.addressWords == "0x1234 (probed at 0x1f00)")
    let exact = HandMadeReport.verdict(.expectation(0), .agreeing, at: 0x1234, isExact: true)
    #expect(exact.addressWords == "0x1234")
    let any = HandMadeReport.verdict(.mapping(0), .agreeing, at: 0x1234, probedAt: 0x1f00)
    #expect(any.addressWords == "0x1f00")
  }

  @Test("How far ranges were compared, and what nobody says of them")
  func ranges() {
    var comparison = RangeComparison()
    comparison.askedCount = 3
    func lines() -> [String] {
      RangeComparisonText(comparison: comparison, space: Self.space).lines
    }
    #expect(lines() == ["ranges: 3 asked ranges compared whole with the tables"])
    comparison.notCompared = [.dirty: 1, .physicalAddress: 20]
    #expect(
      lines() == [
        "ranges: 3 asked ranges compared whole with the tables",
        "not compared, because nobody says it: the physical address of 20 ranges, D of 1 range",
      ])
    comparison.notCompared = [:]
    comparison.unfinished = UnfinishedRanges(
      linearAddress: 0x40_0000, rangeCount: 1, reason: .timeLimit)
    #expect(
      lines() == [
        "ranges: 3 asked ranges compared with the tables up to 0x40_0000, then"
          + " \(NotRunReason.timeLimit.message), with 1 range left"
      ])
  }

  @Test(
    "Of ranges that are not as asked for twenty are shown", arguments: [1, 4, 5, 19, 20, 21, 30])
  func rangeCases(_ count: Int) {
    var report = HandMadeReport()
    var comparison = RangeComparison()
    for index in 0..<count {
      let first = UInt64(index) << 16
      comparison.add(
        RangeDifference(
          .notMapped, first: first, last: first + 0xfff,
          asked: AskedRange(first: first, last: first + 0xfff, content: .absent, mapping: 1)))
    }
    report.comparison = comparison
    var suite = ReportSuite(name: "x")
    suite.addRangeCase(report, in: Self.space)
    guard case .failed(let id, let message, let details)? = suite.cases.first?.outcome else {
      Issue.record("it passed")
      return
    }
    #expect(id == "not-mapped" && details.count == min(count, 20))
    #expect(
      message
        == (count == 1 ? "1 range is not as asked for" : "\(count) ranges are not as asked for"))
    #expect(Set(details).count == details.count)
    guard
      case .failed(_, _, let own)? = ReportSuite.rangeFailure(
        of: .mapping(1), report, in: Self.space)
    else {
      Issue.record("the mapping passed")
      return
    }
    #expect(own == details)
    #expect(ReportSuite.rangeFailure(of: .mapping(0), report, in: Self.space) == nil)
    #expect(report.verdict == .disagreement)
  }
}
