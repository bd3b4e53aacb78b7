// HostEditTrial: does a guest see what the host writes to its tables, and by what means?

import GuestMem
public import MMU

/// How many of the host's changes a guest saw.
public struct HostEditFinding: Hashable, Sendable {
  /// The privilege of the guest's accesses.
  public let privilege: PrivilegeLevel
  /// What was done between the change and the accesses.
  public let means: HostChangeMeans
  /// Accesses that used the changed entry.
  public let seenCount: Int
  /// All accesses.
  public let probeCount: Int

  /// True when every access saw the change.
  public var isReliable: Bool { seenCount == probeCount }
}

/// Moves pages to other frames under a guest that has used them.
struct HostEditTrial {
  let factory: any MachineFactory
  let profile: MachineProfile
  /// When a guest is given up.
  let deadline: ContinuousClock.Instant

  private static let pageCount: UInt64 = 64
  private static let firstAddress: UInt64 = 1 << 39

  /// Reads pages, swaps the frames of neighbours in the leaves, and reads the pages again.
  func finding(
    at privilege: PrivilegeLevel, by means: HostChangeMeans
  ) throws(MachineError) -> HostEditFinding {
    let space = AddressSpace(
      memoryByteCount: 2 << 20,
      mappings: [
        Mapping(
          name: "edited",
          linearAddress: LinearAddress(truncating: Self.firstAddress, width: .bits48),
          byteCount: Self.pageCount << 12,
          // CPL 0 may read user pages as long as SMAP is off.
          properties: PageProperties(rights: [.read, .write], isUser: true))
      ])
    let built = try Calibrator.build(space, profile)
    var setupOptions = VerificationOptions()
    setupOptions.unsupportedPages = .probe
    let work = VerificationWork(
      built, profile: profile, plan: ProbePlan(), options: setupOptions)
    guard case .success(let slot) = work.slot else {
      throw .calibrationFailed("a space of one mapping leaves no room for the agent")
    }
    let machine = try factory.makeMachine(
      memory: MachineMemory(copyOf: built.memory), agentAddress: slot.physicalAddress,
      hostChangeMeans: means)
    let experiment = Experiment(machine: machine, cr3: work.cr3, slot: slot, setup: work.setup)
    let leaves = try leaves(of: experiment)
    for leaf in leaves { FrameStamp.write(to: leaf.frame, in: machine.ram) }
    guard let before = try read(at: privilege, on: experiment), before == leaves.map(\.frame) else {
      throw .calibrationFailed("a page's content does not tell where it is")
    }
    for (index, leaf) in leaves.enumerated() {
      let flags = leaf.word & ~0x000f_ffff_ffff_f000
      experiment.memory.storeWord(leaves[index ^ 1].frame | flags, at: leaf.place)
    }
    try machine.showHostChanges()
    // A guest that does not survive the change has seen nothing of it.
    let after = try read(at: privilege, on: experiment)
    let seenCount = leaves.indices.count { after?[$0] == leaves[$0 ^ 1].frame }
    return HostEditFinding(
      privilege: privilege, means: means, seenCount: seenCount, probeCount: leaves.count)
  }

  private func leaves(
    of experiment: Experiment
  ) throws(MachineError) -> [(place: GuestPhysicalAddress, word: UInt64, frame: UInt64)] {
    var leaves: [(place: GuestPhysicalAddress, word: UInt64, frame: UInt64)] = []
    for page in 0..<Self.pageCount {
      let walk = Walk(
        Self.firstAddress + page << 12, cr3: experiment.slot.rootAddress,
        configuration: experiment.setup.configuration, in: experiment.memory)
      guard case .page(let translation) = walk.end, walk.stepCount > 0 else {
        throw .calibrationFailed("a page of the scratch space is not mapped")
      }
      let step = walk.step(walk.stepCount - 1)
      leaves.append(
        (step.entryAddress, step.entry.rawValue, translation.physicalAddress.rawValue & ~0xfff))
    }
    return leaves
  }

  /// Where each page's stamp says that it is; nil when the guest died.
  private func read(
    at privilege: PrivilegeLevel, on experiment: Experiment
  ) throws(MachineError) -> [UInt64]? {
    let session = AgentSession(
      experiment.machine, experiment.agent, root: experiment.slot.rootAddress)
    let records = session.records
    for page in 0..<Self.pageCount {
      records.ask(Self.firstAddress + page << 12 + 8, at: Int(page))
    }
    let end = try session.run(
      .read, at: privilege, count: Int(Self.pageCount), in: experiment.setup.state,
      deadline: deadline
    ).end
    switch end {
    case .finished: break
    case .died: return nil
    case .unfinished: throw .calibrationUnfinished
    }
    return (0..<Int(Self.pageCount)).map { records.answer(at: $0).value }
  }
}
