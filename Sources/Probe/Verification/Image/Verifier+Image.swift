// Verifier, images: proves tables that somebody else's code built.

public import GuestMem
public import Inspection
public import MMU

/// The tables of an image that are to be proved.
public struct ImageQuestion: Sendable {
  /// The root.
  public var cr3: UInt64
  /// How the processor that the tables were made for reads them.
  public var configuration: PagingConfiguration
  /// The control registers that they are used with.
  public var settings: ProcessorSettings
  /// What they should say, where somebody knows.
  public var expectation: ImageExpectation?
  /// IA32_PAT: what the memory types of an expectation mean in entries.
  public var pageAttributeTable: UInt64

  /// Takes the parts as they are.
  public init(
    cr3: UInt64, configuration: PagingConfiguration, settings: ProcessorSettings,
    expectation: ImageExpectation? = nil,
    pageAttributeTable: UInt64 = PageAttributeTable.powerOn
  ) {
    self.cr3 = cr3
    self.configuration = configuration
    self.settings = settings
    self.expectation = expectation
    self.pageAttributeTable = pageAttributeTable
  }
}

extension Verifier {
  /// Lets a guest use every page that the tables of an image map, and compares.
  ///
  /// The image is not changed: machines work on copies of its tables, the agent's root entry goes
  /// into a copy of the root.
  ///
  /// - Throws: ``ImageProofError``.
  public func verify(
    _ image: borrowing MemoryImage, _ asked: ImageQuestion,
    options: VerificationOptions = VerificationOptions()
  ) throws(ImageProofError) -> ImageReport {
    let start = ContinuousClock.now
    let deadline = start + options.timeLimit
    let first = try pass(
      image, asked, on: self, options, deadline, second: second?.question, plan: nil)
    var secondCalibrationTime = Duration.zero
    let passes = try ProofPasses(
      first.proof, plan: ProbePlan(pages: first.plan.plan.pages), second: second
    ) { (error) -> MachineError? in
      if case .machine(let problem) = error { problem } else { nil }
    } ask: { (factory, plan) throws(ImageProofError) in
      let pass = try pass(
        image, asked, on: other(factory), options, deadline,
        second: second?.question == .everything ? .everything : nil, plan: plan)
      secondCalibrationTime = pass.calibrationTime
      return pass.proof
    }
    var collector = passes.collector
    for (subject, count) in first.plan.unplannedCounts {
      collector.addUnplanned(count, of: subject, .beyondPlan)
    }
    let end = ContinuousClock.now
    let calibrationTime = first.calibrationTime + secondCalibrationTime
    return ImageReport(
      profile: first.proof.profile, machines: passes.machines, expectation: asked.expectation,
      extent: options.extent, kinds: first.plan.kinds, leafCounts: first.plan.leafCounts,
      tableCount: first.tableCount,
      memoryRanges: first.memoryRanges, sharedByteCount: first.plan.sharedByteCount,
      omittedFeatures: first.omittedFeatures, agentRootIndex: first.agentRootIndex,
      tallies: collector.tallies, total: collector.tallies.sum, disagreements: passes.disagreements,
      lost: collector.lost, flagDisagreements: collector.flagDisagreements,
      comparison: first.comparison, excusedFlags: collector.excusedFlags,
      deadEnds: PageTables(cr3: asked.cr3, configuration: asked.configuration)
        .deadEnds(in: image),
      times: VerificationTimes(
        total: end - start, calibration: calibrationTime,
        execution: end - start - calibrationTime, guest: collector.guestTime))
  }

  /// One machine's answers about an image, and what the report says beside them.
  private struct ImagePass {
    let proof: ProofPass
    let plan: ImagePlan
    let tableCount: Int
    let memoryRanges: [MachineMemoryRange]
    let omittedFeatures: [MachineFeature]
    let agentRootIndex: Int?
    let comparison: RangeComparison?
    let calibrationTime: Duration
  }

  /// Asks the machine of `verifier`, or the model alone where it has none.
  ///
  /// `given` are pages of another machine's plan; without them all are planned.
  private func pass(
    _ image: borrowing MemoryImage, _ asked: ImageQuestion, on verifier: Verifier,
    _ options: VerificationOptions, _ deadline: ContinuousClock.Instant,
    second: SecondMachine.Question?, plan given: ProbePlan?
  ) throws(ImageProofError) -> ImagePass {
    let start = ContinuousClock.now
    var question = asked
    let meant = question.configuration
    let profile: MachineProfile?
    do throws(MachineError) {
      profile = try verifier.profile(
        rootLevel: meant.rootLevel, settings: question.settings,
        rootIndices: Self.rootIndices(of: image, question), timeLimit: deadline - start)
    } catch {
      throw .machine(error)
    }
    let calibrated = ContinuousClock.now
    let omitted = question.settings.omit(featuresMissingFrom: profile)
    let configuration: PagingConfiguration
    do throws(PagingConfigurationError) {
      configuration =
        try profile?.configuration(rootLevel: meant.rootLevel, settings: question.settings)
        ?? meant
    } catch {
      throw .configuration(error)
    }
    let addressLimit: UInt64 =
      1 << UInt64(min(configuration.physicalAddressWidth, meant.physicalAddressWidth))
    let tables = try ImageTables(
      image, cr3: question.cr3, configurations: [meant, configuration],
      addressLimit: min(addressLimit, verifier.factory?.memoryLimit ?? .max))
    let original = tables.original
    var plan = ImagePlan(
      PageTables(cr3: question.cr3, configuration: meant), settings: question.settings,
      ranges: tables.ranges, addressLimit: addressLimit, pageLimit: options.pageLimit,
      given == nil ? options.extent : .reduced, in: original)
    let slot = AgentSlot.beside(
      tables, occupied: plan.extents, question, profile: profile ?? .anyMachine,
      width: configuration.physicalAddressWidth)
    if let given {
      plan.take(
        given, cr3: question.cr3, configuration: meant, addressLimit: addressLimit, in: original)
    } else {
      if let expectation = question.expectation {
        plan.add(expectation, cr3: question.cr3, configuration: meant, in: original)
      }
      plan.addGaps()
    }
    let work = VerificationWork(
      plan: plan.plan,
      setup: ExperimentSetup(
        settings: question.settings, configuration: configuration,
        profile: profile ?? .anyMachine,
        oracle: AskedOracle(
          question.expectation?.space ?? AddressSpace(memoryByteCount: 0, mappings: []),
          placements: question.expectation?.placements ?? [],
          basis: question.expectation?.basis ?? .nothing,
          ranges: question.expectation?.ranges ?? [],
          recursion: question.expectation?.space.recursiveSlot.map {
            AskedRecursion(
              $0, rootLevel: meant.rootLevel, root: question.cr3 & PageTableEntry.Bit.address)
          }),
        unsupportedPages: options.unsupportedPages, meantConfiguration: meant,
        guestCode: options.guestCode, second: second, isCancelled: options.isCancelled),
      cr3: question.cr3, slot: slot,
      memory: MachineMemory(copyOf: tables.memory, ranges: tables.ranges), original: original)
    let setup = work.setup
    // The tables are the same for every machine.
    let comparison =
      given == nil
      ? question.comparison(with: image, tables) { setup.reasonToStop(deadline: deadline) } : nil
    let collector = try verifier.prove(work, profile, question, options, deadline)
    var uses: TableUses?
    var disagreements: [Disagreement] = []
    for verdict in collector.disagreements {
      let configuration = work.setup.configuration(for: verdict.page)
      let known =
        uses
        ?? TableUses(of: PageTables(cr3: question.cr3, configuration: configuration), in: original)
      uses = known
      disagreements.append(
        Disagreement(
          verdict, cr3: question.cr3, configuration: configuration, processor: question.settings,
          in: original, known))
    }
    return ImagePass(
      proof: ProofPass(profile: profile, collector: collector, disagreements: disagreements),
      plan: plan, tableCount: tables.tableCount, memoryRanges: tables.ranges,
      omittedFeatures: omitted, agentRootIndex: try? slot.get().rootIndex,
      comparison: comparison, calibrationTime: calibrated - start)
  }

  private func prove(
    _ work: VerificationWork, _ profile: MachineProfile?, _ question: ImageQuestion,
    _ options: VerificationOptions, _ deadline: ContinuousClock.Instant
  ) throws(ImageProofError) -> VerdictCollector {
    let progress = options.progress(of: work.plan, work.setup, deadline)
    guard let factory, let profile else {
      return work.withoutMachine(.noMachine, deadline, progress: progress)
    }
    if let obstacle = profile.obstacle(
      rootLevel: question.configuration.rootLevel, settings: question.settings)
    {
      return work.withoutMachine(obstacle, deadline, progress: progress)
    }
    do throws(MachineError) {
      return try work.run(
        on: factory, deadline: deadline, progress: progress, workerLimit: options.workerCount)
    } catch {
      throw .machine(error)
    }
  }

  /// The root entries below which there are probes, which calibration tries in tables of 4 levels.
  ///
  /// Those are the ones in use, their neighbours, and those that somebody expects something of.
  private static func rootIndices(
    of image: borrowing MemoryImage, _ question: ImageQuestion
  ) -> Set<Int> {
    guard question.configuration.rootLevel == .pageMapLevel4 else { return [] }
    let root = question.cr3 & PageTableEntry.Bit.address
    var indices: Set<Int> = []
    for index in 0..<512 {
      let word = image.loadWord(at: GuestPhysicalAddress(truncating: root + UInt64(index) * 8))
      guard (word ?? 0) & 1 != 0 else { continue }
      indices.formUnion([index, (index + 1) & 511, (index + 511) & 511])
    }
    return indices.union(question.expectation?.rootIndices(of: .pageMapLevel4) ?? [])
  }
}

extension ProcessorSettings {
  /// Turns off what the machine lacks and what changes no access, and says what that is.
  ///
  /// With a PKRU of 0, or an IA32_PKRS, protection keys forbid nothing. Source: Intel SDM volume 3A,
  /// section 5.6.2.
  fileprivate mutating func omit(featuresMissingFrom profile: MachineProfile?) -> [MachineFeature] {
    guard let profile else { return [] }
    var omitted: [MachineFeature] = []
    if controls.isPKEEnabled, controls.pkru == 0, !profile.features.contains(.protectionKeys) {
      controls.isPKEEnabled = false
      omitted.append(.protectionKeys)
    }
    if controls.isPKSEnabled, controls.pkrs == 0,
      !profile.features.contains(.supervisorProtectionKeys)
    {
      controls.isPKSEnabled = false
      omitted.append(.supervisorProtectionKeys)
    }
    return omitted
  }
}
