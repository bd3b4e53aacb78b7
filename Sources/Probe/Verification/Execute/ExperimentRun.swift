// ExperimentRun: one pass over some pages, manner by manner.

import GuestImages
import GuestMem
import MMU

/// A probe of a page, ready for its record.
struct PlannedProbe {
  /// The index of the page in the run.
  let page: Int
  /// The exact linear address.
  let address: UInt64
  /// What the page's frame holds, or nil where the walk reaches none.
  let content: FrameContent?
}

/// The state of a pass.
struct ExperimentRun {
  let experiment: Experiment
  let pages: [ProbePage]
  let predictions: [PagePrediction]
  var frames: FrameTable
  let tablesBefore: TablesBefore
  let session: AgentSession
  /// For each page the manners about which another machine is to be asked.
  var openManners: [ProbeManners]
  /// The frames without RAM for which the machine can tell that an access went there.
  let observableDevices: Set<UInt64>
  let deadline: ContinuousClock.Instant
  let progress: ProgressCounter

  init(
    experiment: Experiment, pages: [ProbePage], predictions: [PagePrediction], frames: FrameTable,
    observableDevices: Set<UInt64>, deadline: ContinuousClock.Instant, progress: ProgressCounter
  ) {
    self.experiment = experiment
    self.pages = pages
    self.predictions = predictions
    self.frames = frames
    self.observableDevices = observableDevices
    self.deadline = deadline
    self.progress = progress
    session = AgentSession(
      experiment.machine, experiment.agent, root: experiment.slot.rootAddress)
    openManners = [ProbeManners](repeating: [], count: pages.count)
    tablesBefore = TablesBefore(
      experiment.tables.frames, in: experiment.memory, copyOf: experiment.original,
      frames.contents)
  }

  /// Runs all probes of a manner, in as few batches as they fit into.
  mutating func execute(
    _ manner: ProbeManner, into collector: inout VerdictCollector
  ) throws(MachineError) {
    var batch: [PlannedProbe] = []
    var lockedBatch: [PlannedProbe] = []
    var writeCounts: [UInt64: Int] = [:]
    for index in pages.indices where pages[index].manners.contains(ProbeManners(manner)) {
      if let reason = obstacle(to: manner, page: index) {
        if isCovered(index, manner) {
          collector.addCovered(pages[index])
          progress.advance(by: 1)
          continue
        }
        add(
          verdict(
            PlannedProbe(
              page: index, address: pages[index].linearAddress, content: nil), manner,
            .notRun(reason)), page: index, to: &collector)
        progress.advance(by: 1)
        continue
      }
      let content = predictions[index].frame.flatMap { frames.contents[$0] }
      if needsLock(manner, page: index, content) {
        lockedBatch.append(planned(index, manner, content, writeSlot: 0))
        continue
      }
      var writeSlot = 0
      if manner.kind == .write, let frame = predictions[index].frame {
        writeSlot = writeCounts[frame, default: 0]
        writeCounts[frame] = writeSlot + 1
        // Two writes to one word would hide one another.
        if writeSlot == FrameStamp.writeSlotCount {
          try flush(&batch, manner, .write, into: &collector)
          writeCounts = [frame: 1]
          writeSlot = 0
        }
      }
      batch.append(planned(index, manner, content, writeSlot: writeSlot))
      if batch.count == AgentRecords.capacity {
        try flush(&batch, manner, loop(for: manner.kind), into: &collector)
        writeCounts = [:]
      }
    }
    try flush(&batch, manner, loop(for: manner.kind), into: &collector)
    while !lockedBatch.isEmpty {
      var part = Array(lockedBatch.prefix(AgentRecords.capacity))
      lockedBatch.removeFirst(part.count)
      try flush(&part, manner, .lockedOr, into: &collector)
    }
  }

  /// True for a write that has to leave the word as it is, because it is a table's.
  ///
  /// One that faults changes nothing, and is a plain one: an emulator of locked operations may read
  /// first, so that the fault is that of a read.
  private func needsLock(
    _ manner: ProbeManner, page index: Int, _ content: FrameContent?
  ) -> Bool {
    guard manner.kind == .write, case .success = predictions[index].answer(for: manner).outcome
    else { return false }
    switch content {
    case .table?, .fullTable?: return true
    case .stamped?, .device?, nil: return false
    }
  }

  /// Counts the verdict about a page of the run, or keeps it for another machine.
  mutating func add(
    _ verdict: ProbeVerdict, page: Int, to collector: inout VerdictCollector
  ) {
    if collector.add(verdict) { openManners[page].insert(ProbeManners(verdict.manner)) }
  }

  /// True when another page of the same leaf can be used in this manner.
  private func isCovered(_ index: Int, _ manner: ProbeManner) -> Bool {
    guard let size = pages[index].pageSize else { return false }
    var first = index
    while first > 0, pages[first].continuesLeaf { first -= 1 }
    var other = first
    repeat {
      // A second machine is asked about some of the pages only.
      let isOfLeaf = (pages[other].linearAddress ^ pages[index].linearAddress) < size.byteCount
      if other != index, isOfLeaf, pages[other].manners.contains(ProbeManners(manner)),
        obstacle(to: manner, page: other) == nil
      {
        return true
      }
      other += 1
    } while other < pages.count && pages[other].continuesLeaf
    return false
  }

  private func loop(for kind: AccessKind) -> AgentBatch.Loop {
    switch kind {
    case .read: .read
    case .write: .write
    case .fetch: .fetch
    }
  }

  /// Why a probe cannot be made, or nil.
  private func obstacle(to manner: ProbeManner, page index: Int) -> NotRunReason? {
    if let obstacle = experiment.setup.obstacle(to: pages[index]) { return obstacle }
    let prediction = predictions[index]
    if prediction.reachesAgent { return .reachesAgent }
    let settings = experiment.setup.settings
    if settings.deniesAgent { return .noUnrestrictedKey }
    if manner.privilege == .user, settings.unrestrictedUserKey == nil { return .noUnrestrictedKey }
    guard case .success = prediction.answer(for: manner).outcome, let frame = prediction.frame
    else { return nil }
    if case .device = frames.contents[frame], !observableDevices.contains(frame) {
      return .unobservableAddress
    }
    guard manner.kind == .fetch else { return nil }
    switch frames.contents[frame] {
    case .device: return .fetchWithoutMemory
    case .fullTable: return .fetchFromFullTable
    case .stamped, .table, nil: return nil
    }
  }

  /// Chooses the address in the page where the frame answers.
  private func planned(
    _ index: Int, _ manner: ProbeManner, _ content: FrameContent?, writeSlot: Int
  ) -> PlannedProbe {
    if let offset = exactOffset(index, manner, content) {
      return PlannedProbe(
        page: index, address: pages[index].linearAddress | offset, content: content)
    }
    let offset: UInt64
    switch (content, manner.kind) {
    case (.table(let slot)?, _): offset = UInt64(slot) * 8
    case (.fullTable?, _): offset = UInt64(KVMPT_STAMP_ADDRESS)
    case (_, .read): offset = UInt64(KVMPT_STAMP_ADDRESS)
    case (_, .fetch): offset = UInt64(KVMPT_STAMP_FETCH)
    case (_, .write): offset = UInt64(KVMPT_STAMP_WRITE) + UInt64(writeSlot) * 8
    }
    return PlannedProbe(
      page: index, address: pages[index].linearAddress + offset, content: content)
  }

  /// The offset that was asked about, where an access of 8 bytes fits and no content has to answer
  /// because the model says that it faults; else nil.
  private func exactOffset(
    _ index: Int, _ manner: ProbeManner, _ content: FrameContent?
  ) -> UInt64? {
    guard let offset = pages[index].offset, offset <= 0xff8 else { return nil }
    if case .success = predictions[index].answer(for: manner).outcome { return nil }
    switch content {
    case nil: return UInt64(offset)
    // A fetch that succeeds against the model must find the stub, or it takes the guest with it.
    case .stamped?, .device?: return manner.kind == .fetch ? nil : UInt64(offset)
    case .table?, .fullTable?: return nil
    }
  }

  private mutating func flush(
    _ batch: inout [PlannedProbe], _ manner: ProbeManner, _ loop: AgentBatch.Loop,
    into collector: inout VerdictCollector
  ) throws(MachineError) {
    let probes = batch
    batch = []
    guard !probes.isEmpty else { return }
    try runBatch(probes[...], manner, loop, into: &collector)
  }

  func verdict(
    _ probe: PlannedProbe, _ manner: ProbeManner, _ outcome: ProbeOutcome
  ) -> ProbeVerdict {
    let page = pages[probe.page]
    return ProbeVerdict(
      page: page, manner: manner, address: probe.address,
      asked: experiment.setup.oracle.answer(for: page, manner),
      modelled: predictions[probe.page].answer(for: manner).outcome.moved(
        toOffsetOf: probe.address),
      executed: outcome, deviations: experiment.setup.profile.deviations,
      rootLevel: experiment.setup.configuration.rootLevel
    ) {
      subject(of: probe, manner)
    }
  }

  /// The access as rules about machines see it.
  func subject(of probe: PlannedProbe, _ manner: ProbeManner) -> DeviationSubject {
    let page = pages[probe.page]
    let configuration = experiment.setup.configuration(for: page)
    let walk = Walk(
      probe.address, cr3: experiment.slot.rootAddress, configuration: configuration,
      in: experiment.memory)
    let access = Access(manner.kind)
    var subject = DeviationSubject(
      access, form: .plain, privilege: manner.privilege, walk: walk,
      prediction: walk.predict(
        access, mode: experiment.setup.settings.mode(at: manner.privilege),
        configuration: configuration),
      rootIndex: DeviationSubject.rootIndex(
        of: probe.address, rootLevel: configuration.rootLevel))
    // The guest has run: what A was is in the words of before.
    let prediction = predictions[probe.page]
    let word = prediction.stepCount > 0 ? Int(prediction.word(prediction.stepCount - 1)) : -1
    subject.isAccessed =
      word >= 0 ? tablesBefore.word(word) & PageTableEntry.Bit.accessed != 0 : nil
    return subject
  }
}

extension AccessOutcome {
  /// The outcome of an access that succeeds at `address`, in the page that this one reaches.
  func moved(toOffsetOf address: UInt64) -> AccessOutcome {
    guard case .success(let physical) = self else { return self }
    return .success(
      GuestPhysicalAddress(truncating: physical.rawValue & ~0xfff | address & 0xfff))
  }
}
