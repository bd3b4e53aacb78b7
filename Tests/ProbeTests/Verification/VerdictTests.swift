// What counts as agreement, without a machine.

import CLinux
import GuestMem
import KVM
import MMU
import Testing

@testable import Probe

@Suite("A verdict says no more than the machine showed")
struct VerdictTests {
  static let page = ProbePage(containing: 0xffff_8000_0000_0000, subject: .mapping(0))

  static func verdict(
    _ privilege: PrivilegeLevel, asked: AskedAnswer, modelled: AccessOutcome,
    executed: ProbeOutcome, deviations: [Deviation]
  ) -> ProbeVerdict {
    let manner = ProbeManner(.read, at: privilege)
    return ProbeVerdict(
      page: page, manner: manner, address: page.linearAddress,
      asked: asked, modelled: modelled, executed: executed, deviations: deviations,
      rootLevel: .pageMapLevel4
    ) {
      DeviationSubject(
        manner, address: page.linearAddress, modelled: modelled, rootLevel: .pageMapLevel4)
    }
  }

  static let fault = ProbeOutcome.pageFault(errorCode: 4, cr2: 0xffff_8000_0000_0000)
  static let unreachable = [Deviation.rootEntryUnreachableAtUser(index: 256)]

  @Test("A fault that comes whatever the tables say is explained and does not agree")
  func deviationIsNoAgreement() {
    let expected = Self.verdict(
      .user, asked: .absent, modelled: .pageFault([.user]), executed: Self.fault,
      deviations: Self.unreachable)
    let surprising = Self.verdict(
      .user, asked: .allowed(page: 0), modelled: .success(GuestPhysicalAddress(truncating: 0)),
      executed: Self.fault, deviations: Self.unreachable)
    var tally = SubjectTally()
    for verdict in [expected, surprising] {
      #expect(verdict.deviation == Self.unreachable[0] && verdict.disagreements.isEmpty)
      tally.add(verdict)
    }
    #expect(tally.executedCount == 2 && tally.agreementCount == 0)
    #expect(tally.deviations == [Self.unreachable[0]: 2])
  }

  @Test("At the other privilege nothing is explained")
  func deviationIsNarrow() {
    let verdict = Self.verdict(
      .supervisor, asked: .absent, modelled: .pageFault([]),
      executed: .pageFault(errorCode: 0, cr2: Self.page.linearAddress),
      deviations: Self.unreachable)
    #expect(verdict.deviation == nil && verdict.disagreements.isEmpty)
    var tally = SubjectTally()
    tally.add(verdict)
    #expect(tally.agreementCount == 1)
  }

  @Test("Of several reasons for what was not done, always the same is named")
  func reasonsAreInOrder() {
    var tally = SubjectTally()
    tally.notRun = [.noMachine: 1, .reachesAgent: 1, .fetchWithoutMemory: 1]
    #expect(
      tally.unproved(on: nil).map(\.id) == ["fetch-without-memory", "reaches-agent", "no-machine"])
  }

  @Test("No more verdicts are kept than one report holds, however many workers there are")
  func keptVerdicts() {
    let verdict = Self.verdict(
      .supervisor, asked: .absent, modelled: .pageFault([.present]),
      executed: .pageFault(errorCode: 1, cr2: Self.page.linearAddress), deviations: [])
    var worker = VerdictCollector()
    for _ in 0..<7000 { worker.add(verdict) }
    var all = VerdictCollector()
    for _ in 0..<3 { all.merge(worker) }
    #expect(all.disagreements.count == VerdictCollector.keptCount)
    #expect(all.tallies[.mapping(0)]?.disagreementCount == 21_000)
  }

  @Test("A process without file descriptors or memory says nothing about KVM")
  func resourcesAreNotKVM() {
    func meansNoMachine(_ errorNumber: CInt) -> Bool {
      MachineError.kvm(.call(.createVirtualMachine, errorNumber: errorNumber)).meansNoMachine
    }
    #expect(meansNoMachine(EBUSY) && meansNoMachine(ENODEV))
    #expect(!meansNoMachine(EMFILE) && !meansNoMachine(ENFILE) && !meansNoMachine(ENOMEM))
  }

  @Test("The agent's pages at CPL 3 have a key that PKRU restricts in no way, where there is one")
  func unrestrictedKey() {
    var settings = ProcessorSettings()
    settings.pkru = .max
    #expect(settings.unrestrictedUserKey == 0)
    settings.isPKEEnabled = true
    #expect(settings.unrestrictedUserKey == nil)
    settings.pkru = 0x7fff_ffff
    #expect(settings.unrestrictedUserKey == nil)
    settings.pkru = ~(3 << 10)
    #expect(settings.unrestrictedUserKey == 5)
  }

  @Test("Pages that only this machine makes too many are refused before any is written")
  func tooManyPages() throws {
    let space = AddressSpace(
      memoryByteCount: 64 << 20,
      mappings: [
        Mapping(
          name: "huge", linearAddress: LinearAddress(truncating: 0, width: .bits48),
          byteCount: 1 << 44, target: .device(GuestPhysicalAddress(truncating: 1 << 45)),
          properties: PageProperties(rights: [.read]))
      ])
    #expect(space.check().isEmpty)
    let small = try PagingConfiguration(physicalAddressWidth: 48, supports1GiBPages: false)
    let error = try #require(throws: AddressSpaceBuildError.self) {
      _ = try BuiltAddressSpace(space, configuration: small)
    }
    #expect(error.id == "too-many-pages" && error.mapping == 0)
  }
}
