// StrictnessCases: for each reason why something is unproved, a report that has it.

import GuestMem
import Inspection
import MMU
import TestImages

@testable import Probe
@testable import kvmpt

/// A report about a file or about an image.
enum ProvedReport {
  case file(VerificationReport)
  case image(ImageReport)

  var report: any ProofReport {
    switch self {
    case .file(let report): report
    case .image(let report): report
    }
  }

  /// What each format says.
  func text(_ format: ReportFormat) throws -> String {
    let file = try TemporaryFile("")
    let destination = try ReportDestination(path: file.path)
    var output = destination
    let input = AddressSpaceFile(
      path: "space.yaml", summary: "", addressSpace: AddressSpace(memoryByteCount: 0, mappings: []),
      positions: AddressSpacePositions())
    let styler = TextStyler(isEnabled: false)
    switch (self, format) {
    case (.file(let report), .text):
      TextReport(report: report, path: input.path, styler: styler).write(to: &output)
    case (.file(let report), .json):
      JSONReport(report: report, file: input).write(to: destination)
    case (.file(let report), .junit):
      JUnitWriter.write(ReportSuite(report, file: input), to: &output)
    case (.file(let report), .tap): TAPWriter.write(ReportSuite(report, file: input), to: &output)
    case (.image(let report), .text):
      ImageReportText(report: report, head: "", asked: "nothing", styler: styler)
        .write(to: &output)
    case (.image(let report), .json):
      ImageReportJSON(
        report: report, path: "image", cr3: 0x1000, rootLevel: .pageMapLevel4, assumed: [],
        expected: nil
      ).write(to: destination)
    case (.image(let report), .junit):
      JUnitWriter.write(ReportSuite(report, path: "image", asked: "nothing"), to: &output)
    case (.image(let report), .tap):
      TAPWriter.write(ReportSuite(report, path: "image", asked: "nothing"), to: &output)
    }
    try destination.finish()
    return try file.text()
  }
}

/// Makes reports on KVM; where only a fault of the machine gives a reason, a double has the fault.
struct StrictnessCases {
  let factory = try? KVMMachineFactory()
  let profile: MachineProfile

  init() throws {
    profile = try Verifier().profile(for: Self.space(Self.page())) ?? .anyMachine
  }

  static func page(
    _ rights: PageRights = [.read, .execute], isUser: Bool = true,
    to target: MappingTarget = .anywhere
  ) -> Mapping {
    Mapping(
      name: "page", linearAddress: LinearAddress(truncating: 0x40_0000, width: .bits48),
      byteCount: 4096, target: target, properties: PageProperties(rights: rights, isUser: isUser))
  }

  static func space(_ mappings: Mapping...) -> AddressSpace {
    AddressSpace(memoryByteCount: 4 << 20, mappings: mappings)
  }

  /// Proves a space on KVM with this profile.
  func prove(
    _ space: AddressSpace = Self.space(Self.page()), plan: ProbePlan? = nil,
    on other: (any MachineFactory)? = nil,
    _ change: (inout MachineProfile, inout VerificationOptions) -> Void = { _, _ in }
  ) throws -> ProvedReport {
    var profile = profile
    var options = VerificationOptions()
    change(&profile, &options)
    let verifier = Verifier(factory: other ?? factory)
    // Tables for a machine that lacks nothing; what it lacks is told when they are proved.
    let built = try verifier.build(space, .anyMachine)
    return .file(try verifier.verify(built, plan: plan, options: options, profile: profile))
  }

  /// Proves a space whose processor uses what a machine lacks.
  func lacking(
    _ feature: MachineFeature, _ change: (inout AddressSpace) -> Void
  ) throws -> ProvedReport {
    var space = Self.space(Self.page())
    change(&space)
    return try prove(space) { profile, _ in profile.features.remove(feature) }
  }

  /// Proves an image on KVM.
  func prove(
    _ image: TableImage, _ change: (inout VerificationOptions) -> Void = { _ in }
  ) throws -> ProvedReport {
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 4 << 20)
    var options = VerificationOptions()
    change(&options)
    return .image(
      try Verifier(factory: factory).verify(
        MemoryImage(path: file.path),
        ImageQuestion(
          cr3: image.root, configuration: PagingConfiguration(), settings: ProcessorSettings()),
        options: options))
  }

  /// An image of one page whose root entries, but for those in `free`, all lead to it.
  static func crowded(free: Set<Int>) -> TableImage {
    var image = TableImage()
    image.map(0x40_0000, to: 0x10_0000, [.present, .writable, .user])
    let table = image.tables[image.root]?[0] ?? 0
    for index in 0..<512 where !free.contains(index) {
      image.set(table, at: index, of: image.root)
    }
    return image
  }
}

extension StrictnessCases {
  /// A report that is unproved for `reason`.
  func report(_ reason: UnprovedReason) throws -> ProvedReport {
    switch reason {
    case .notRun(let reason): return try report(reason)
    case .explained:
      // A machine that is right needs no rule: one that does not let CPL 3 read.
      return try madeUp(
        .pageFault(errorCode: 4, cr2: 0xffff_8000_0000_0000),
        [.rootEntryUnreachableAtUser(index: 256)])
    case .guestLost:
      return try prove(
        Self.space(
          Self.page(isUser: false, to: .memory(GuestPhysicalAddress(truncating: 0x10_0000))))
      ) {
        // xor %esp, %esp; ud2
        $1.guestCode[0x10_0000] = [0x31, 0xe4, 0x0f, 0x0b]
      }
    case .notPlanned:
      return try prove(plan: ProbePlan(pages: []))
    case .nothingExecuted:
      return try prove(Self.space())
    case .tableOutsideMemory:
      var image = TableImage()
      image.map(0x40_0000, to: 0x10_0000, [.present, .writable, .user])
      image.set(0x7000_0007, at: 1, of: image.root)
      return try prove(image)
    case .nothingMapped: return try prove(TableImage())
    }
  }

  private func report(_ reason: NotRunReason) throws -> ProvedReport {
    switch reason {
    case .no1GiBPages:
      var mapping = Self.page([.read])
      mapping.linearAddress = LinearAddress(truncating: 0x4000_0000, width: .bits48)
      mapping.byteCount = 1 << 30
      mapping.target = .device(GuestPhysicalAddress(truncating: 1 << 34))
      return try prove(Self.space(mapping)) { profile, _ in
        profile.features.remove(.oneGiBPages)
      }
    case .no5LevelPaging: return try lacking(.fiveLevelPaging) { $0.rootLevel = .pageMapLevel5 }
    case .noProtectionKeys: return try lacking(.protectionKeys) { $0.processor.isPKEEnabled = true }
    case .noSupervisorProtectionKeys:
      return try lacking(.supervisorProtectionKeys) { $0.processor.isPKSEnabled = true }
    case .noSMEP: return try lacking(.smep) { $0.processor.isSMEPEnabled = true }
    case .noSMAP: return try lacking(.smap) { $0.processor.isSMAPEnabled = true }
    case .noNoExecute: return try lacking(.noExecute) { $0.processor.isNoExecuteEnabled = true }
    case .noSuchPhysicalAddress:
      return try prove(
        plan: ProbePlan(pages: [
          ProbePage(
            containing: 0x40_0000, subject: .mapping(0), obstacle: .noSuchPhysicalAddress)
        ]))
    case .beyondPlan: return try prove(Self.crowded(free: Set(1..<512))) { $0.pageLimit = 2 }
    case .fetchWithoutMemory:
      return try prove(
        Self.space(Self.page(to: .device(GuestPhysicalAddress(truncating: 0xfd00_0000)))))
    case .fetchFromFullTable:
      var image = TableImage()
      for page in 0..<UInt64(512) {
        image.map(0x40_0000 + page << 12, to: 0x10_0000, [.present, .writable, .user])
      }
      image.map(0x80_0000, to: image.nextTable - 4096, [.present, .writable, .user])
      return try prove(image)
    case .unobservableAddress:
      return try prove(
        Self.space(Self.page([.read], to: .device(GuestPhysicalAddress(truncating: 0xfd00_0000)))),
        on: factory.map { BlindFactory(inner: $0) })
    case .reachesAgent: return try prove(Self.crowded(free: [100]))
    case .noFreeRootEntry: return try prove(Self.crowded(free: []))
    case .noUnrestrictedKey:
      var space = Self.space(Self.page())
      space.processor.isPKEEnabled = true
      space.processor.pkru = 0x5555_5555
      let user = ProbeManners(rawValue: 0b111000)
      return try prove(
        space,
        plan: ProbePlan(pages: [
          ProbePage(containing: 0x40_0000, manners: user, subject: .mapping(0))
        ])
      ) { profile, _ in profile.features.insert(.protectionKeys) }
    case .noRoomForAgent: return try prove { profile, _ in profile.memoryHoles = [0..<1 << 52] }
    case .timeLimit: return try prove { $1.timeLimit = .zero }
    case .interrupted: return try prove { $1.isCancelled = { true } }
    case .noMachine: return .file(try Verifier.modelOnly.verify(Self.space(Self.page())))
    case .noPCID, .noDescriptorReads: throw NoSuchReason()
    }
  }

  /// A verification never meets it.
  private struct NoSuchReason: Error {}

  /// A report of one probe, which came out like this.
  private func madeUp(
    _ outcome: ProbeOutcome, _ deviations: [Deviation]
  ) throws -> ProvedReport {
    var mapping = Self.page([.read])
    mapping.linearAddress = LinearAddress(truncating: 0xffff_8000_0000_0000, width: .bits48)
    let built = try Verifier.modelOnly.build(Self.space(mapping), nil)
    let page = ProbePage(containing: 0xffff_8000_0000_0000, subject: .mapping(0))
    let manner = ProbeManner(.read, at: .user)
    let success = AccessOutcome.success(GuestPhysicalAddress(truncating: built.placements[0]))
    var collector = VerdictCollector()
    collector.add(
      ProbeVerdict(
        page: page, manner: manner, address: page.linearAddress,
        asked: .allowed(page: built.placements[0]), modelled: success, executed: outcome,
        deviations: deviations, rootLevel: .pageMapLevel4
      ) {
        DeviationSubject(
          manner, address: page.linearAddress, modelled: success, rootLevel: .pageMapLevel4)
      })
    let time = VerificationTimes(total: .zero, calibration: .zero, execution: .zero, guest: .zero)
    let plan = ProbePlan(pages: [page])
    let pass = ProofPass(profile: profile, collector: collector, disagreements: [])
    let passes = try ProofPasses(
      pass, plan: plan, second: nil, isMachine: { (error: MachineError) in error },
      ask: { (_, _) throws(MachineError) in pass })
    return .file(
      VerificationReport(
        built, plan: plan, profile: profile, comparison: built.comparison { nil }, passes,
        times: time))
  }
}

/// Makes machines that cannot tell what is accessed where no memory is.
private struct BlindFactory: WrappedFactory {
  let inner: any MachineFactory
  func wrap(_ machine: any Machine) -> any Machine { BlindMachine(machine) }
}

private final class BlindMachine: WrappedMachine {
  let inner: any Machine
  init(_ inner: any Machine) { self.inner = inner }
  func observe(devicesAt frames: [UInt64]) throws(MachineError) -> Set<UInt64> { [] }
}
