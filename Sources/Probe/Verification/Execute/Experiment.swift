// Experiment: predicts, executes and compares the probes of some pages on one machine.

import GuestImages
import GuestMem
import MMU
import Synchronization

/// The tables under test on one machine, ready to be probed.
///
/// The machine's RAM is a private copy, so that stamps and tokens harm nobody. The root is a copy
/// in the agent's slot, which has the agent's entry; every other table is the original's bytes.
struct Experiment {
  let machine: any Machine
  let memory: ProbeMemory
  /// What the machine's RAM is a copy of, and nobody writes to; nil where that is not known.
  let original: ProbeMemory?
  let slot: AgentSlot
  let agent: AgentMemory
  let setup: ExperimentSetup
  /// The frame of the original root.
  let originalRoot: UInt64
  let tables: TableSet

  /// Puts the agent beside the tables that `cr3` points at.
  ///
  /// `ranges` says where the machine's RAM is; without it, from address 0 on. The machine's RAM
  /// must be a copy of `original`, in the same window. Experiments with the same tables, slot and
  /// settings can share `knownTables`.
  init(
    machine: any Machine, cr3: UInt64, slot: AgentSlot, setup: ExperimentSetup,
    ranges: [MachineMemoryRange]? = nil, copyOf original: ProbeMemory? = nil,
    knownTables: KnownTables = KnownTables()
  ) {
    self.original = original
    self.machine = machine
    self.slot = slot
    self.setup = setup
    memory = ProbeMemory(machine, ranges: ranges)
    agent = AgentMemory(
      view: machine.agent, slot: slot, rootLevel: setup.configuration.rootLevel,
      settings: setup.settings)
    originalRoot = cr3 & 0x000f_ffff_ffff_f000
    agent.write()
    for index in 0..<512 {
      let word = memory.loadWord(
        at: GuestPhysicalAddress(truncating: originalRoot + UInt64(index) * 8))
      memory.storeWord(
        index == slot.rootIndex ? agent.rootEntry : word ?? 0,
        at: GuestPhysicalAddress(truncating: slot.rootAddress + UInt64(index) * 8))
    }
    let memory = memory
    tables = knownTables.found {
      TableSet(
        root: slot.rootAddress, configuration: setup.configuration,
        excludedRootIndex: slot.rootIndex, in: memory)
    }
  }

  /// The tables, which are found once however many workers there are: all have the same bytes.
  final class KnownTables: Sendable {
    private let tables = Mutex<TableSet?>(nil)

    /// What was found before, or else what `find` finds.
    func found(_ find: () -> TableSet) -> TableSet {
      tables.withLock {
        let found = $0 ?? find()
        $0 = found
        return found
      }
    }
  }

  /// Predicts, executes and compares; the tallies and disagreements go to `collector`.
  func run(
    _ pages: ArraySlice<ProbePage>, deadline: ContinuousClock.Instant,
    into collector: inout VerdictCollector, progress: ProgressCounter
  ) throws(MachineError) {
    let predictions = pages.map(prediction)
    var frames = FrameTable(
      memory: memory, tables: tables, originalRoot: originalRoot, guestCode: setup.guestCode)
    for prediction in predictions {
      if let frame = prediction.frame { frames.prepare(frame) }
    }
    let observable = try machine.observe(
      devicesAt: frames.contents.filter { $0.value == .device }.keys.sorted())
    var run = ExperimentRun(
      experiment: self, pages: Array(pages), predictions: predictions, frames: frames,
      observableDevices: observable, deadline: deadline, progress: progress)
    for manner in ProbeManner.allCases {
      try run.execute(manner, into: &collector)
    }
    run.tablesBefore.restoreAll()
    run.tablesBefore.removeStamps()
    for (page, manners) in zip(pages, run.openManners) { collector.addOpen(page, manners) }
  }
}

extension Experiment {
  /// What the model says about a page in the tables as the guest has them.
  ///
  /// A page that leads to the agent is not probed; it is judged by the tables under test alone.
  private func prediction(of page: ProbePage) -> PagePrediction {
    let prediction = prediction(of: page, root: slot.rootAddress)
    guard prediction.reachesAgent else { return prediction }
    var original = self.prediction(of: page, root: originalRoot)
    original.reachesAgent = true
    return original
  }

  private func prediction(of page: ProbePage, root: UInt64) -> PagePrediction {
    let configuration = setup.configuration(for: page)
    return PagePrediction(
      Walk(page.linearAddress, cr3: root, configuration: configuration, in: memory),
      settings: setup.settings, configuration: configuration, tables: tables, memory: memory)
  }
}

/// What stays the same in all experiments of a verification.
struct ExperimentSetup: Sendable {
  let settings: ProcessorSettings
  let configuration: PagingConfiguration
  let profile: MachineProfile
  let oracle: AskedOracle
  let unsupportedPages: UnsupportedPagePolicy
  /// How the processor that the tables were made for reads them, where that is another.
  var meantConfiguration: PagingConfiguration?
  let guestCode: [UInt64: [UInt8]]
  /// What a second machine is asked after this one; nil without one.
  var second: SecondMachine.Question?
  /// See ``VerificationOptions/isCancelled``.
  let isCancelled: @Sendable () -> Bool

  /// The registers that the guest runs with.
  var state: ProcessorState { ProcessorState(settings, rootLevel: configuration.rootLevel) }

  /// Gathers the machine's answers.
  func collector() -> VerdictCollector {
    VerdictCollector(machine: profile.identity.name, second: second)
  }

  /// Why no more probes are made, or nil while they are.
  func reasonToStop(deadline: ContinuousClock.Instant) -> NotRunReason? {
    if isCancelled() { return .interrupted }
    return ContinuousClock.now < deadline ? nil : .timeLimit
  }

  /// Why a page is left out, such as that its leaf has a size that the machine lacks; nil when it
  /// is not.
  func obstacle(to page: ProbePage) -> NotRunReason? {
    if let obstacle = page.obstacle { return obstacle }
    let isMissing =
      page.pageSize == .size1GiB && !profile.features.contains(.oneGiBPages)
    return unsupportedPages == .skip && isMissing ? .no1GiBPages : nil
  }

  /// How the model reads the tables for a page: one that is left out is judged as a machine that
  /// lacks nothing would read it.
  func configuration(for page: ProbePage) -> PagingConfiguration {
    guard obstacle(to: page) != nil else { return configuration }
    if let meantConfiguration { return meantConfiguration }
    var result = configuration
    result.supports1GiBPages = true
    return result
  }
}

/// The frames that pages lead to, and what they hold.
struct FrameTable {
  let memory: ProbeMemory
  let tables: TableSet
  let originalRoot: UInt64
  /// See ``VerificationOptions/guestCode``.
  let guestCode: [UInt64: [UInt8]]
  private(set) var contents: [UInt64: FrameContent] = [:]

  init(
    memory: ProbeMemory, tables: TableSet, originalRoot: UInt64, guestCode: [UInt64: [UInt8]]
  ) {
    self.memory = memory
    self.tables = tables
    self.originalRoot = originalRoot
    self.guestCode = guestCode
  }

  /// Stamps the frame, unless it was stamped before.
  mutating func prepare(_ frame: UInt64) {
    guard contents[frame] == nil else { return }
    contents[frame] = makeContent(of: frame)
  }

  /// Stamps all frames but tables again, after RAM has been given up; a table keeps its slot.
  func prepareAgain() {
    for (frame, content) in contents where content == .stamped { _ = makeContent(of: frame) }
  }

  private func makeContent(of frame: UInt64) -> FrameContent {
    guard let offset = memory.offset(of: frame) else { return .device }
    if tables.contains(frame) || frame == originalRoot {
      return FrameStamp.writeToFreeSlot(ofTableAt: frame, in: memory)
    }
    FrameStamp.write(to: frame, at: offset, in: memory.ram)
    if let code = guestCode[frame] { FrameStamp.write(code, at: offset, in: memory.ram) }
    return .stamped
  }
}
