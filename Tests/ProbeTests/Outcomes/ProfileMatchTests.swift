// A profile of another machine, kernel or processor: refused, or taken with a remark.

import KVM
import MMU
import Testing

@testable import Probe

/// Says what a machine is, and makes none.
private struct NamedFactory: MachineFactory {
  var identity: MachineIdentity
  var vendor: ProcessorVendor = .intel
  var vendorName: String { "GenuineIntel" }
  var physicalAddressWidth: UInt8 = 40
  var possibleMeans: [HostChangeMeans] { [.nothing] }
  var hostChangeMeans: HostChangeMeans { .nothing }
  var workerCount: Int { 1 }
  var memoryHoles: [Range<UInt64>] { [] }
  func promises(_ feature: MachineFeature) -> Bool { true }
  func makeMachine(
    memory: MachineMemory, agentAddress: UInt64, hostChangeMeans: HostChangeMeans
  ) throws(MachineError) -> any Machine { throw .invalidProfile(physicalAddressWidth: 0) }
}

@Suite("The rules of a machine profile are used on such a machine only")
struct ProfileMatchTests {
  static let rules = [Deviation.rootEntryUnreachableAtUser(index: 256)]

  private static func factory(_ walker: TableWalker = .ept) -> NamedFactory {
    NamedFactory(
      identity: MachineIdentity(
        name: "KVM", walker: walker, processorName: "p", kernelRelease: "6.18.0",
        programVersion: "7.2"))
  }

  private static func profile(_ factory: NamedFactory) -> MachineProfile {
    MachineProfile(
      identity: factory.identity, vendor: factory.vendor,
      physicalAddressWidth: factory.physicalAddressWidth, features: [], deviations: rules)
  }

  @Test("Each field of the machine that differs is named, and no rule is taken")
  func mismatches() throws {
    let factory = Self.factory()
    let changes: [(String, (inout MachineProfile) -> Void)] = [
      ("name", { $0.identity.name = "QEMU" }), ("walker", { $0.identity.walker = .npt }),
      ("vendor", { $0.vendor = .amd }), ("physical-address-bits", { $0.physicalAddressWidth = 39 }),
      ("host-processor", { $0.identity.hostProcessor = .qemuTCG }),
    ]
    for (field, change) in changes {
      var verifier = Verifier(factory: factory)
      var profile = Self.profile(factory)
      change(&profile)
      do throws(MachineProfileMismatch) {
        try verifier.use(profile)
        Issue.record("\(field) was not looked at")
      } catch {
        #expect(error.field == field && error.expected != error.found)
        #expect(error.message.contains("'machine.\(field)' is \(error.expected)"))
      }
      #expect(verifier.knownDeviations.isEmpty && verifier.usedProfile == nil)
    }
    // The first of several is named.
    var verifier = Verifier(factory: factory)
    var profile = Self.profile(factory)
    for (_, change) in changes { change(&profile) }
    #expect(throws: (any Error).self) { try verifier.use(profile) }
  }

  @Test("What is not the kind of machine is taken with its rules")
  func taken() throws {
    for walker in [TableWalker.ept, .tcg] {
      let factory = Self.factory(walker)
      let changes: [(inout MachineProfile) -> Void] = [
        { _ in }, { $0.identity.kernelRelease = "1" }, { $0.identity.processorName = "q" },
        { $0.identity.programVersion = "1" }, { $0.features = [.smep] },
        { if walker == .tcg { $0.identity.hostProcessor = .qemuTCG } },
      ]
      for change in changes {
        var verifier = Verifier(factory: factory)
        var profile = Self.profile(factory)
        change(&profile)
        try verifier.use(profile)
        #expect(verifier.knownDeviations == Self.rules && verifier.usedProfile == profile.identity)
      }
    }
  }

  @Test("Widths beyond what there is are what is believed of them")
  func widths() {
    for width in 0...255 as ClosedRange<UInt8> {
      #expect(MachineProfile.believedWidth(width) == (width < 32 ? 32 : width > 52 ? 52 : width))
    }
  }

  @Test("A remark for each version that differs: QEMU's of an emulator, else kernel and processor")
  func remarks() {
    for walker in [TableWalker.ept, .npt, .pvm, .tcg] {
      let own = Self.factory(walker).identity
      for bits in 0..<8 {
        var used = own
        if bits & 1 != 0 { used.kernelRelease = "5.0" }
        if bits & 2 != 0 { used.processorName = "q" }
        if bits & 4 != 0 { used.programVersion = "1.0" }
        var profile = Self.profile(Self.factory(walker))
        profile.noteVersions(of: used)
        let expected =
          walker == .tcg
          ? (bits & 4 != 0 ? ["QEMU: 1.0, and this is 7.2"] : [])
          : (bits & 1 != 0 ? ["the kernel: 5.0, and this is 6.18.0"] : [])
            + (bits & 2 != 0 ? ["the processor: q, and this is p"] : [])
        #expect(profile.remarks.map(\.id) == expected.map { _ in "profile-of-another-version" })
        #expect(zip(profile.remarks, expected).allSatisfy { $0.message.hasSuffix($1) })
      }
    }
  }

  @Test("A rule that the baseline does not have is new, unless one that it has covers it")
  func newRules() {
    let wide = Deviation(when: [.privilege(.user)], .errorCodeLacks(1))
    let narrow = Deviation(when: [.privilege(.user), .kind(.write)], .errorCodeLacks(1))
    let different = Deviation(when: [.privilege(.user)], .errorCodeLacks(2))
    let elsewhere = Deviation(when: [.privilege(.supervisor)], .errorCodeLacks(1))
    for (known, seen, isNew) in [
      ([wide], wide, false), ([wide], narrow, false), ([narrow], wide, true),
      ([different], wide, true), ([elsewhere], wide, true), ([], wide, true),
      ([different, wide], narrow, false),
    ] as [([Deviation], Deviation, Bool)] {
      let release = ReleaseNumber([6, 18])
      let baseline = Baseline(machines: [
        BaselineMachine(
          walker: .ept, hostProcessor: .silicon,
          rules: known.map {
            BaselineRule(rule: $0, versions: release...release, source: "s")
          }, versions: release...release, source: "s")
      ])
      var profile = Self.profile(Self.factory())
      profile.deviations = [seen]
      profile.note(baseline)
      #expect(profile.remarks.map(\.id) == (isNew ? ["rule-not-in-baseline"] : []))
    }
  }

  @Test("What a machine lacks stands in the way of what needs it, and of nothing else")
  func obstacles() {
    let needs: [(MachineFeature, NotRunReason, (inout AddressSpace) -> Void)] = [
      (.fiveLevelPaging, .no5LevelPaging, { $0.rootLevel = .pageMapLevel5 }),
      (.protectionKeys, .noProtectionKeys, { $0.processor.isPKEEnabled = true }),
      (
        .supervisorProtectionKeys, .noSupervisorProtectionKeys,
        { $0.processor.isPKSEnabled = true }
      ),
      (.smep, .noSMEP, { $0.processor.isSMEPEnabled = true }),
      (.smap, .noSMAP, { $0.processor.isSMAPEnabled = true }),
      (.noExecute, .noNoExecute, { $0.processor.isNoExecuteEnabled = true }),
    ]
    for bits in 0..<(1 << needs.count) {
      var space = AddressSpace(memoryByteCount: 4096, mappings: [])
      space.processor.isNoExecuteEnabled = false
      for (index, need) in needs.enumerated() where bits >> index & 1 != 0 { need.2(&space) }
      for (index, need) in needs.enumerated() {
        var profile = Self.profile(Self.factory())
        profile.features = Set(MachineFeature.allCases).subtracting([need.0])
        #expect(profile.obstacle(for: space) == (bits >> index & 1 != 0 ? need.1 : nil))
      }
    }
  }
}
