// verify --exhaustive on the model as a machine, honest and with a lie that the reduced plan misses.

import MMU
import Synchronization
import TestImages
import Testing

@testable import Probe
@testable import kvmpt

@Suite("An exhaustive run executes every page of every leaf, and finds what a reduced one cannot")
struct ExhaustiveTests {
  static let factory = ModelMachineFactory(features: [.noExecute, .writeProtect])
  static let profile = Result { try #require(try Verifier(factory: factory).profile(for: .empty)) }

  static func options(_ extent: ProbeExtent) -> VerificationOptions {
    var options = VerificationOptions()
    options.timeLimit = .seconds(1800)
    options.workerCount = 1
    options.extent = extent
    return options
  }

  /// The tallies of what is mapped.
  static func mapped(_ report: any ProofReport) -> SubjectTally {
    report.tallies.filter { subject, tally in
      switch subject {
      case .kind, .unasked, .recursiveSlot: true
      // The third one asks that nothing be mapped; of an image only what is not mapped is there.
      case .mapping(let index): index < 2
      case .gap, .expectation: false
      }
    }.sum
  }

  @Test(
    "Every page in six ways, and nothing of what is mapped is covered",
    arguments: ExhaustiveSubject.allCases)
  func everyPage(_ subject: ExhaustiveSubject) throws {
    let profile = try Self.profile.get()
    let reduced = try subject.report(Self.factory, profile, Self.options(.reduced))
    #expect(reduced.report.isAgreement && reduced.report.extent == .reduced)
    #expect(Self.mapped(reduced.report).executedCount == 6 * 6)
    #expect(Self.mapped(reduced.report).coveredCount == 6 * (512 - 3))
    let exhaustive = try subject.report(Self.factory, profile, Self.options(.exhaustive))
    #expect(exhaustive.report.isAgreement && exhaustive.report.extent == .exhaustive)
    let mapped = Self.mapped(exhaustive.report)
    #expect(mapped.executedCount == 6 * (512 + 3) && mapped.agreementCount == 6 * (512 + 3))
    #expect(mapped.coveredCount == 0)
    // What nothing maps is probed as it is otherwise.
    for (key, tally) in reduced.report.tallies {
      if case .gap = key { #expect(exhaustive.report.tallies[key] == tally) }
      if key == .mapping(2) { #expect(exhaustive.report.tallies[key] == tally) }
    }
    for format in ReportFormat.allCases {
      for (said, extent) in [(exhaustive, ProbeExtent.exhaustive), (reduced, .reduced)] {
        let text = try said.text(format).replacing(";\n  ", with: "; ")
        #expect(text.contains(extent.statement), "\(text)")
      }
    }
    let json = try JSONValue(json: exhaustive.text(.json))
    #expect(json["exhaustive"] == .bool(true))
    #expect(try VerificationReportTests.schema().violations(of: json) == [])
    #expect(try JSONValue(json: reduced.text(.json))["exhaustive"] == .bool(false))
  }

  @Test(
    "A lie in the middle of a page of 2 MiB is found by it, and covered otherwise",
    arguments: ExhaustiveSubject.allCases)
  func lie(_ subject: ExhaustiveSubject) throws {
    let profile = try Self.profile.get()
    let page = ExhaustiveSubject.large + 0x12_3000
    for extent in ProbeExtent.allCases {
      let liar = Liar(.faultForSuccess, Liar.Scope(roles: [.proof], page: page))
      let report = try subject.report(
        LyingFactory(inner: Self.factory, liar: liar), profile, Self.options(extent)
      ).report
      guard extent == .exhaustive else {
        #expect(liar.toldCount == 0 && report.isAgreement)
        #expect(Self.mapped(report).coveredCount == 6 * 509)
        continue
      }
      #expect(liar.toldCount > 0 && report.verdict == .disagreement)
      #expect(report.total.disagreementCount == 1)
      #expect(report.disagreements.map { $0.verdict.page.linearAddress } == [page])
    }
  }

  @Test("Shared tables are gone through by every path")
  func sharedTables() throws {
    var image = TableImage()
    let tables = (0..<3).map { _ in image.makeTable() }
    for index in [0, 3] { image.set(tables[0] | 7, at: index, of: image.root) }
    for index in [1, 5] { image.set(tables[1] | 7, at: index, of: tables[0]) }
    for index in [2, 3] { image.set(tables[2] | 7, at: index, of: tables[1]) }
    image.set(0x20_0087, at: 9, of: tables[1])
    for index in 0..<4 { image.set(0x10_0000 + UInt64(index) << 12 | 7, at: index, of: tables[2]) }
    let report = try ExhaustiveSubject.prove(
      image, on: Verifier(factory: Self.factory), Self.options(.exhaustive))
    // Two by two ways to the directory, from which two lead to the table, and one page of 2 MiB.
    #expect(report.isAgreement && report.total.coveredCount == 0)
    let (pageCount, leafCount): (Int, UInt64) = (4 * (2 * 4 + 512), 4 * (2 * 4 + 1))
    #expect(Self.mapped(report).executedCount == 6 * pageCount)
    #expect(report.leafCounts.reduce(0, +) == leafCount)
    #expect(report.kinds.allSatisfy { $0.pageSize != nil } && report.sharedByteCount == 0)
  }

  @Test("A page of 1 GiB that the machine lacks is unproved, each of its pages")
  func missingPageSize() throws {
    var image = TableImage()
    image.map(1 << 39, to: 0, [.present], level: 3)
    let told = Mutex(0)
    var options = Self.options(.exhaustive)
    // One round is enough.
    options.estimateObserver = { _ in told.withLock { $0 += 1 } }
    options.isCancelled = { told.withLock { $0 > 1 } }
    let report = try ExhaustiveSubject.prove(image, on: Verifier(factory: Self.factory), options)
    let pages = try #require(report.tallies[.kind(0)])
    #expect(pages.notRun == [.no1GiBPages: 6 << 14, .interrupted: 6 << 18 - 6 << 14])
    #expect(pages.probeCount == 6 << 18 && pages.coveredCount == 0)
  }

  @Test("What cannot be executed in the middle of a large page is unproved, and not covered")
  func fullTable() throws {
    var image = TableImage()
    for page in 0..<UInt64(512) {
      image.map(0x40_0000 + page << 12, to: 0x20_0000 + page << 12, [.present, .writable])
    }
    // The tables themselves, of which the last is full.
    image.map(0x8000_0000, to: 0, [.present, .writable], level: 2)
    let verifier = Verifier(factory: Self.factory)
    let reduced = try ExhaustiveSubject.prove(image, on: verifier, Self.options(.reduced))
    #expect(reduced.isAgreement)
    let report = try ExhaustiveSubject.prove(image, on: verifier, Self.options(.exhaustive))
    #expect(report.verdict == .unproved && report.total.coveredCount == 0)
    #expect(report.total.notRun == [.fetchFromFullTable: 1])
    #expect(Self.mapped(report).executedCount == 6 * 1024 - 1)
  }

  @Test(
    "The estimate is what is executed, or more where something cannot be",
    arguments: ExhaustiveSubject.allCases, ProbeExtent.allCases)
  func estimate(_ subject: ExhaustiveSubject, _ extent: ProbeExtent) throws {
    let told = Mutex<[VerificationEstimate]>([])
    var options = Self.options(extent)
    options.estimateObserver = { estimate in told.withLock { $0.append(estimate) } }
    let report = try subject.report(Self.factory, Self.profile.get(), options).report
    let estimates = told.withLock { $0 }
    #expect(estimates.map(\.doneCount) == [0])
    #expect(estimates.first?.remainingTime == nil)
    let probeCount = try #require(estimates.first?.probeCount)
    #expect(probeCount >= report.total.executedCount)
    #expect(extent == .reduced || probeCount == report.total.executedCount)
  }

  @Test("What the first machine cannot do, the second one does, page by page")
  func secondMachine() throws {
    var image = TableImage()
    image.map(0x40_0000, to: 1 << 46, [.present, .writable, .user, .noExecute], level: 2)
    image.map(0x60_0000, to: 0x10_0000, [.present, .writable])
    for question in [SecondMachine.Question.unproved, .everything] {
      var wide = Self.factory
      wide.physicalAddressWidth = 52
      let other = wide
      var verifier = Verifier(factory: Self.factory)
      verifier.second = SecondMachine(asked: question) { () throws(MachineError) in other }
      let report = try ExhaustiveSubject.prove(
        image, on: verifier, Self.options(.exhaustive), width: 52)
      #expect(report.total.coveredCount == 0 && report.machines.uncomparedCount == 0)
      #expect(report.machines.answers.count == 2)
      let second = try #require(report.machines.answers.last?.tallies[.kind(0)])
      #expect(second.executedCount == 6 * 512 && second.agreementCount == 6 * 512)
      if question == .unproved { #expect(report.isAgreement, "\(report.unproved)") }
    }
  }

  /// 64 TiB by four tables.
  static var huge: TableImage {
    var image = TableImage()
    let tables = (0..<3).map { _ in image.makeTable() }
    for index in 0..<512 {
      if index < 128 { image.set(tables[0] | 7, at: index, of: image.root) }
      image.set(tables[1] | 7, at: index, of: tables[0])
      image.set(tables[2] | 7, at: index, of: tables[1])
      image.set(0x10_0000 + UInt64(index) << 12 | 7, at: index, of: tables[2])
    }
    return image
  }

  @Test("64 TiB that are cut short are counted to the probe, and the first round tells the rate")
  func cutShort() throws {
    let told = Mutex<[VerificationEstimate]>([])
    var options = Self.options(.exhaustive)
    options.estimateObserver = { estimate in told.withLock { $0.append(estimate) } }
    options.isCancelled = { told.withLock { $0.count > 1 } }
    let report = try ExhaustiveSubject.prove(
      Self.huge, on: Verifier(factory: Self.factory), options)
    #expect(report.verdict == .interrupted)
    let mapped = try #require(report.tallies[.kind(0)])
    #expect(mapped.probeCount == 6 << 34)
    #expect(mapped.executedCount == 6 << 14)
    #expect(mapped.notRun == [.interrupted: 6 << 34 - 6 << 14])
    #expect(mapped.coveredCount == 0)
    let estimates = told.withLock { $0 }
    #expect(estimates.map(\.doneCount) == [0, 6 << 14])
    #expect(Set(estimates.map(\.probeCount)) == [report.total.probeCount])
    #expect(estimates.last?.exceedsTimeLimit == true)
  }
}

extension AddressSpace {
  /// Nothing at all.
  fileprivate static let empty = AddressSpace(memoryByteCount: 1 << 20, mappings: [])
}
