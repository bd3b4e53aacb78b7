// Proofs on machines on paper: what the manual leaves open, what a machine lies about, and what of it a
// report must say.

import GuestMem
import Inspection
import KVM
import MMU
import TestImages
import Testing

@testable import Probe

@Suite("A proof believes what the manual allows, and nothing else")
struct PaperProofTests {
  /// The report about an image on machines of `factory`, or by the model alone.
  static func report(
    _ image: TableImage, on factory: PaperFactory? = nil, byteCount: UInt64 = 4 << 20,
    expectation: ImageExpectation? = nil, change: (inout Verifier) -> Void = { _ in }
  ) throws -> ImageReport {
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: byteCount)
    var verifier = Verifier(factory: factory)
    change(&verifier)
    return try verifier.verify(
      try MemoryImage(path: file.path, reading: .raw(base: GuestPhysicalAddress(truncating: 0))),
      ImageQuestion(
        cr3: image.root,
        configuration: try PagingConfiguration(
          rootLevel: image.rootLevel == 5 ? .pageMapLevel5 : .pageMapLevel4,
          physicalAddressWidth: 46),
        settings: ProcessorSettings(), expectation: expectation))
  }

  static func mapping(
    _ name: String, _ address: UInt64, _ byteCount: UInt64, _ rights: PageRights,
    isUser: Bool = false
  ) -> Mapping {
    Mapping(
      name: name, linearAddress: LinearAddress(truncating: address, width: .bits48),
      byteCount: byteCount, properties: PageProperties(rights: rights, isUser: isUser))
  }

  @Test(
    "a machine may mark entries above one that refuses, and need not", arguments: [false, true])
  func marksOnFault(_ marks: Bool) throws {
    var factory = PaperFactory()
    factory.habits.marksOnFault = marks
    factory.habits.readsBeforeLockedWrite = marks
    for rootLevel in [Level.pageMapLevel4, .pageMapLevel5] {
      var space = SampleSpaces.everySizeAndRight
      space.rootLevel = rootLevel
      let report = try Verifier(factory: factory).verify(space)
      #expect(report.isAgreement, "\(report.unproved) \(report.flagDisagreements.prefix(2))")
      #expect(report.total.executedCount == report.total.probeCount)
    }
  }

  @Test("an access that faults and marks the entry that refused it disagrees")
  func marksLeaf() throws {
    var factory = PaperFactory()
    let space = AddressSpace(
      memoryByteCount: 1 << 20, mappings: [Self.mapping("page", 0x40_0000, 4096, [.read])])
    let built = try Verifier.modelOnly.build(space, nil)
    let walk = Walk(
      0x40_0000, cr3: built.cr3, configuration: built.configuration, in: built.memory.view)
    let leaf = try #require(walk.lastStep).entryAddress.rawValue
    factory.habits.lie = {
      $0.address & ~0xfff == 0x40_0000 && $0.loop == .write && $0.privilege == .user
        ? .sets(0x20, at: leaf) : nil
    }
    let report = try Verifier(factory: factory).verify(space)
    #expect(report.verdict == .disagreement && report.disagreements.isEmpty)
    #expect(report.flagDisagreements.map(\.entryAddress) == [leaf])
    #expect(report.flagDisagreements.first?.machine == "paper")
  }

  /// Where the probe of an expectation was made.
  private static func probed(
    _ address: UInt64, _ access: AccessKind, _ privilege: PrivilegeLevel,
    _ outcome: ExpectedOutcome, beside mappings: [Mapping]
  ) throws -> UInt64? {
    let space = AddressSpace(
      memoryByteCount: 1 << 20, mappings: mappings,
      expectations: [
        Probe.Expectation(
          linearAddress: address, access: access, privilege: privilege, outcome: outcome)
      ])
    let report = try Verifier(factory: PaperFactory()).verify(space)
    #expect(report.isAgreement, "\(report.disagreements.prefix(1))")
    return report.tallies[.expectation(0)]?.probedAddress
  }

  @Test("an access that faults is made at just the byte that was asked about, where 8 bytes fit")
  func exactAddress() throws {
    let page = Self.mapping("page", 0x40_0000, 4096, [.read], isUser: true)
    for offset in [0, 1, 0x123, 0xff7, 0xff8] as [UInt64] {
      for access in AccessKind.allCases {
        let absent = 0x7000_0000 | offset
        #expect(
          try Self.probed(absent, access, .user, .fault(errorCode: nil), beside: [page]) == absent)
      }
      let present = 0x40_0000 | offset
      #expect(
        try Self.probed(present, .write, .user, .fault(errorCode: 7), beside: [page]) == present)
      // A fetch that succeeds against the model must find the stub.
      #expect(
        try Self.probed(present, .fetch, .user, .fault(errorCode: 0x15), beside: [page])
          == 0x40_0006)
      // Where the frame has to answer, it answers where its address stands.
      #expect(
        try Self.probed(present, .read, .user, .success(nil), beside: [page]) == 0x40_0008)
    }
    for offset in [0xff9, 0xfff] as [UInt64] {
      #expect(
        try Self.probed(
          0x7000_0000 | offset, .read, .user, .fault(errorCode: nil), beside: [page])
          == 0x7000_0008)
    }
  }

  @Test("what a verdict is about is the byte that was asked for, wherever the probe was made")
  func askedAddress() throws {
    let page = Self.mapping("page", 0x40_0000, 4096, [.read], isUser: true)
    let space = AddressSpace(
      memoryByteCount: 1 << 20, mappings: [page],
      expectations: [
        Probe.Expectation(
          linearAddress: 0x40_0abc, access: .read, privilege: .user,
          outcome: .fault(errorCode: nil))
      ])
    let report = try Verifier(factory: PaperFactory()).verify(space)
    let verdict = try #require(report.disagreements.first).verdict
    #expect(verdict.address == 0x40_0008 && verdict.askedAddress == 0x40_0abc)
    let other = ProbePage(containing: 0x40_0abc, subject: .mapping(0))
    #expect(other.offset == nil && other.linearAddress == 0x40_0000)
  }

  @Test("pages that are tables keep their verdicts when a guest dies")
  func tablesAfterDeath() throws {
    var image = TableImage()
    for page in 0..<UInt64(4) {
      image.map(0x40_0000 + page << 12, to: 0x10_0000 + page << 12, [.present, .writable, .user])
    }
    image.set(image.root | 7, at: 300, of: image.root)
    for loop in [AgentBatch.Loop.read, .fetch, .write, .lockedOr] {
      var factory = PaperFactory()
      let target: UInt64 = 0x40_1000
      factory.habits.lie = {
        let isTarget =
          loop == .lockedOr
          ? $0.loop == .lockedOr && $0.record == 0 : $0.address & ~0xfff == target
        return isTarget && $0.loop == loop && $0.privilege == .supervisor
          ? .dies(.shutdown, record: $0.record) : nil
      }
      let report = try Self.report(image, on: factory)
      #expect(!report.lost.isEmpty && report.total.lostCount == report.lost.count)
      #expect(report.flagDisagreements.isEmpty)
      #expect(report.total.executedCount == report.total.probeCount - report.lost.count)
      // A new guest has the stamps of its tables where they were.
      #expect(report.disagreements.isEmpty, "\(loop): \(report.disagreements.prefix(1))")
    }
  }

  @Test("A guest that dies at each of many records, and names the last one, is lost as often")
  func everyRecordDies() throws {
    var image = TableImage()
    for page in 0..<2500 as Range<UInt64> {
      image.map(0x40_0000 + page << 12, to: 0x10_0000, [.present, .writable, .user])
    }
    var factory = PaperFactory()
    factory.habits.lie = { access in
      let isTarget =
        access.loop == .read && access.privilege == .supervisor
        && (0x40_0000..<0xdc_4000).contains(access.address)
      return isTarget ? .dies(.shutdown, record: .max) : nil
    }
    let report = try Self.report(image, on: factory)
    #expect(report.total.lostCount >= 2500)
    #expect(report.disagreements.isEmpty && report.flagDisagreements.isEmpty)
  }

  @Test(
    "root entries that CPL 3 cannot use are found where an image uses them, and beside",
    arguments: [36, 37, 38, 255, 256, 511])
  func unreachableRootEntry(_ unreachable: UInt64) throws {
    var image = TableImage()
    let used: UInt64 = unreachable < 100 ? 37 : unreachable == 255 ? 254 : unreachable
    let address = LinearAddressWidth.bits48.signExtended(used << 39 | 0x40_0000)
    image.map(address, to: 0x10_0000, [.present, .writable, .user])
    var factory = PaperFactory()
    factory.habits.lie = { access in
      guard access.privilege == .user, access.address >> 39 & 511 == unreachable,
        access.loop != .descriptor
      else { return nil }
      let code: UInt64 = access.loop == .write ? 7 : access.loop == .fetch ? 0x15 : 5
      return .fault(vector: 14, code: code)
    }
    let report = try Self.report(image, on: factory)
    #expect(report.agrees(but: ["explained"]), "\(report.disagreements.prefix(1))")
    let rule = Deviation.rootEntryUnreachableAtUser(index: Int(unreachable))
    #expect(report.profile?.deviations == [rule])
    let space = AddressSpace(
      memoryByteCount: 1 << 20,
      mappings: [Self.mapping("page", address & ~0xfff, 4096, [.read, .write], isUser: true)])
    let built = try Verifier(factory: factory).verify(space)
    #expect(built.agrees(but: ["explained"]))
  }

  /// A space with a page of 1 GiB, which the first machine has not.
  private static var gibibyte: AddressSpace {
    AddressSpace(
      memoryByteCount: 1 << 20,
      mappings: [
        Mapping(
          name: "large", linearAddress: LinearAddress(truncating: 1 << 39, width: .bits48),
          byteCount: 1 << 30, target: .device(GuestPhysicalAddress(truncating: 1 << 30)),
          properties: PageProperties(rights: [.read], isUser: true),
          pageSize: .exactly(.size1GiB))
      ])
  }

  @Test("a second machine that fails leaves the rest unproved, and says how, for files and images")
  func failingSecondMachine() throws {
    let first = PaperFactory(features: Set(MachineFeature.allCases).subtracting([.oneGiBPages]))
    let failure = MachineError.kvm(.call(.run, errorNumber: 11))
    var second = PaperFactory()
    second.habits.failure = { _ in failure }
    let failing = second
    var image = TableImage()
    image.map(1 << 39, to: 1 << 30, [.present, .user], level: 3)
    for question in [SecondMachine.Question.unproved, .everything] {
      let machine = SecondMachine(asked: question) { () throws(MachineError) in failing }
      var verifier = Verifier(factory: first)
      verifier.second = machine
      let built = try verifier.verify(Self.gibibyte)
      let proof = try Self.report(image, on: first) { $0.second = machine }
      for report in [built, proof] as [any ProofReport] {
        #expect(report.machines.problem == failure && report.machines.answers.count == 1)
        #expect(report.verdict == .unproved)
        #expect(
          report.total.notRun[.no1GiBPages] == report.machines.answers[0].total.notRun[.no1GiBPages]
        )
        #expect(report.total.notRun[.no1GiBPages] ?? 0 > 0)
      }
    }
    // One that does not fail proves what the first one lacks.
    let machine = SecondMachine(asked: .unproved) { () throws(MachineError) in PaperFactory() }
    let proof = try Self.report(image, on: first) { $0.second = machine }
    #expect(proof.machines.problem == nil && proof.machines.answers.count == 2)
    #expect(proof.total.notRun[.no1GiBPages] == nil)
  }

  @Test(
    "more pages than one worker takes are shared out, and each is probed once", arguments: [1, 3])
  func workers(_ workerCount: Int) throws {
    let factory = PaperFactory()
    var options = VerificationOptions()
    options.workerCount = workerCount
    let space = AddressSpace(
      memoryByteCount: 32 << 20,
      mappings: [
        Mapping(
          name: "pages", linearAddress: LinearAddress(truncating: 0x40_0000, width: .bits48),
          byteCount: 1800 << 12, properties: PageProperties(rights: [.read]),
          pageSize: .exactly(.size4KiB))
      ])
    let report = try Verifier(factory: factory).verify(space, options: options)
    #expect(report.isAgreement)
    #expect(report.tallies[.mapping(0)]?.executedCount == 1800 * 6)
    #expect(report.total.executedCount == report.total.probeCount)
  }

  @Test("a run that nobody ends builds and proves, and one that is cancelled does not begin")
  func cancelled() throws {
    let space = AddressSpace(
      memoryByteCount: 64 << 20,
      mappings: (0..<200).map {
        Self.mapping("page \($0)", 0x1000_0000 + UInt64($0) << 21, 4096, [.read])
      })
    let report = try Verifier.modelOnly.verify(space)
    #expect(report.total.notRun == [.noMachine: report.total.probeCount])
    var options = VerificationOptions()
    options.isCancelled = { true }
    #expect(throws: VerificationError.build(.unfinished(.interrupted))) {
      try Verifier.modelOnly.verify(space, options: options)
    }
    options.isCancelled = { false }
    options.timeLimit = .zero
    #expect(throws: VerificationError.build(.unfinished(.timeLimit))) {
      try Verifier.modelOnly.verify(space, options: options)
    }
  }

  @Test("options begin with a minute, a machine per core, and the pages that the documents say")
  func defaults() {
    let options = VerificationOptions()
    #expect(options.timeLimit == .seconds(60))
    #expect(options.workerCount == processorCount())
    // Documentation/images.md: a plan has at most 4,194,304 pages.
    #expect(options.pageLimit == 4_194_304)
    #expect(!options.isCancelled() && options.observer == nil && options.guestCode.isEmpty)
    guard case .skip = options.unsupportedPages else {
      Issue.record("\(options.unsupportedPages)")
      return
    }
  }
}
