// ConformanceBlockRun: predicts, executes and compares the cases of one block.

import GuestImages
import GuestMem
import MMU

/// One block on one bench.
struct ConformanceBlockRun {
  private let bench: ConformanceBench
  private let block: ConformanceBlock
  private let matrix: ConformanceMatrix
  private let position: Int
  private let configuration: PagingConfiguration
  private let state: ProcessorState
  private let deviations: [Deviation]
  private let constants: [[UInt8]]
  private let selection: ConformanceSelection
  private let deadline: ContinuousClock.Instant
  private(set) var tally = ConformanceTally()

  /// Nil when the bench does not hold the matrix.
  init?(
    _ block: ConformanceBlock, matrix: ConformanceMatrix, on bench: ConformanceBench,
    machine: MachineProfile, selection: ConformanceSelection, deadline: ContinuousClock.Instant
  ) {
    guard let position = bench.positions[block.matrix],
      let configuration = try? PagingConfiguration(
        rootLevel: matrix.rootLevel, physicalAddressWidth: machine.physicalAddressWidth,
        isNoExecuteEnabled: block.settings.isNoExecuteEnabled,
        supports1GiBPages: machine.features.contains(.oneGiBPages), vendor: machine.vendor)
    else { return nil }
    self.bench = bench
    self.block = block
    self.matrix = matrix
    self.position = position
    self.configuration = configuration
    self.selection = selection
    self.deadline = deadline
    deviations = machine.deviations
    state = ProcessorState(block.settings, rootLevel: matrix.rootLevel)
    constants = bench.prepareAgent(for: block.settings).constants()
  }

  /// Runs all cases of the block.
  mutating func run() throws(MachineError) {
    // A success sets A of its upper entry for certain, so that each gets a round of its own.
    var rounds: [[ConformanceCase]] = [[]]
    var exclusiveCounts = [Int](repeating: 0, count: matrix.upper.count)
    for upper in matrix.upper.indices {
      for lower in matrix.lower.indices {
        guard isChosen(upper, lower) else { continue }
        let candidate = predict(upper, lower)
        var round = 0
        if candidate.isExclusive {
          round = exclusiveCounts[upper]
          exclusiveCounts[upper] += 1
        }
        if round == rounds.count { rounds.append([]) }
        rounds[round].append(candidate)
      }
    }
    for round in rounds {
      var first = round.startIndex
      while first < round.endIndex {
        let end = min(round.endIndex, first + AgentRecords.capacity)
        try runBatch(round[first..<end])
        first = end
      }
    }
    for address in bench.changedWords() {
      tally.add(strayChange(at: address))
      bench.memory.storeWord(
        bench.pristineWord(at: address), at: GuestPhysicalAddress(truncating: address))
    }
  }

  private func isChosen(_ upper: Int, _ lower: Int) -> Bool {
    guard
      matrix.isCase(
        upper: matrix.upper[upper], lower: matrix.lower[lower],
        isNoExecuteEnabled: block.settings.isNoExecuteEnabled)
    else { return false }
    switch selection {
    case .everything: return true
    case .sample(let oneIn):
      let number = UInt64(block.index) &* 0x1_0001 &+ UInt64(upper) &* 1021 &+ UInt64(lower)
      return (number &* 0x9e37_79b9_7f4a_7c15) >> 40 % oneIn == 0
    case .pair(let chosenUpper, let chosenLower):
      return upper == chosenUpper && lower == chosenLower
    }
  }

  private func predict(_ upper: Int, _ lower: Int) -> ConformanceCase {
    let page = matrix.linearAddress(upper: upper, lower: lower)
    let walk = Walk(page, cr3: bench.tables.root, configuration: configuration, in: bench.memory)
    let levels = (matrix.upperLevel, matrix.lowerLevel)
    let prediction = walk.predict(
      Access(block.kind), mode: block.settings.mode(at: block.privilege),
      configuration: configuration)
    var result = ConformanceCase(
      upper: upper, lower: lower, address: page, outcome: prediction.outcome)
    result.add(prediction, upperLevel: levels.0, lowerLevel: levels.1)
    if block.isPrecededByRead {
      let read = walk.predict(
        Access(.read), mode: block.settings.mode(at: .supervisor), configuration: configuration)
      result.add(read, upperLevel: levels.0, lowerLevel: levels.1)
    }
    if block.loop == .lockedOr, case .pageFault = prediction.outcome {
      // An emulated locked operation reads before it fails to write.
      let read = walk.predict(
        Access(.read), mode: block.settings.mode(at: block.privilege),
        configuration: configuration)
      result.add(read, upperLevel: levels.0, lowerLevel: levels.1, onlyMay: true)
    }
    if case .page(let translation) = walk.end {
      result.frame = translation.physicalAddress.rawValue & ~0xfff
    }
    return result
  }

  /// Runs a batch; one that kills the guest is taken apart until the culprit stands alone.
  private mutating func runBatch(_ batch: ArraySlice<ConformanceCase>) throws(MachineError) {
    guard !batch.isEmpty else { return }
    guard ContinuousClock.now < deadline else {
      tally.notRun[.timeLimit, default: 0] += batch.count
      return
    }
    let cases = withAddresses(batch)
    try bench.machine.showHostChanges()
    let start = ContinuousClock.now
    var end = AgentBatchEnd.finished(deviceWrites: [:])
    if block.isPrecededByRead {
      end = try execute(cases, .read, .supervisor)
    }
    if case .finished = end { end = try execute(cases, block.loop, block.privilege) }
    tally.guestTime += ContinuousClock.now - start
    guard case .died(let death, let record) = end else {
      compare(cases)
      return
    }
    try bench.recover()
    _ = bench.prepareAgent(for: block.settings)
    if cases.count == 1 {
      tally.caseCount += 1
      tally.add(mismatch(cases[0], .lost(death), flags: nil))
      return
    }
    let suspect =
      batch.startIndex + min(max(0, record ?? batch.count / 2), batch.count - 1)
    try runBatch(batch[batch.startIndex..<suspect])
    try runBatch(batch[suspect...suspect])
    try runBatch(batch[(suspect + 1)...])
  }

  private func execute(
    _ cases: [ConformanceCase], _ loop: AgentBatch.Loop, _ privilege: PrivilegeLevel
  ) throws(MachineError) -> AgentBatchEnd {
    let records = AgentRecords(in: bench.machine.agent)
    for (index, candidate) in cases.enumerated() { records.ask(candidate.address, at: index) }
    let end = try bench.machine.run(
      AgentBatch(
        loop: loop, privilege: privilege, recordCount: cases.count, cr3: bench.tables.root,
        windowAddress: bench.slot.windowAddress, state: state), deadline: deadline)
    if case .finished = end {
      let agent = AgentMemory(
        view: bench.machine.agent, slot: bench.slot, rootLevel: matrix.rootLevel,
        settings: block.settings)
      if agent.constants() != constants { return .died(.agentOverwritten, record: nil) }
    }
    return end
  }

  /// Chooses where in its page each case looks, so that no two writes hit one word.
  private func withAddresses(_ batch: ArraySlice<ConformanceCase>) -> [ConformanceCase] {
    var writeCounts: [UInt64: UInt64] = [:]
    return batch.map { candidate in
      var result = candidate
      let page = candidate.address & ~0xfff
      switch block.loop {
      case .read: result.address = page + UInt64(KVMPT_STAMP_ADDRESS)
      case .fetch: result.address = page + UInt64(KVMPT_STAMP_FETCH)
      case .lockedOr: result.address = page + UInt64(KVMPT_STAMP_WRITE)
      case .write:
        var slot: UInt64 = 0
        if case .success = candidate.outcome, let frame = candidate.frame {
          slot = writeCounts[frame, default: 0] % UInt64(FrameStamp.writeSlotCount)
          writeCounts[frame, default: 0] += 1
        }
        result.address = page + UInt64(KVMPT_STAMP_WRITE) + slot * 8
      }
      return result
    }
  }

  private mutating func compare(_ cases: [ConformanceCase]) {
    let records = AgentRecords(in: bench.machine.agent)
    var uppers: [Int32: (must: UInt64, may: UInt64, example: Int)] = [:]
    var wrongOutcomes: Set<Int> = []
    for (index, candidate) in cases.enumerated() {
      tally.caseCount += 1
      let outcome = outcome(candidate, records.answer(at: index), index)
      let isAgreed = candidate.outcome.moved(toOffsetOf: candidate.address).agrees(
        with: outcome, address: candidate.address)
      let deviation =
        isAgreed
        ? nil
        : deviations.first {
          $0.explains(
            outcome, insteadOf: candidate.outcome, at: candidate.address,
            privilege: block.privilege, rootLevel: matrix.rootLevel)
        }
      var upper = uppers[candidate.upper] ?? (0, 0, index)
      if let deviation {
        tally.deviations[deviation, default: 0] += 1
        upper.may |= candidate.mustUpper | candidate.mayUpper
      } else {
        upper.must |= candidate.mustUpper
        upper.may |= candidate.mayUpper
        if candidate.isExclusive { upper.example = index }
      }
      uppers[candidate.upper] = upper
      let flags = checkLower(candidate, isCertain: deviation == nil)
      if !isAgreed && deviation == nil {
        wrongOutcomes.insert(index)
        tally.add(mismatch(candidate, outcome, flags: flags))
      } else if let flags {
        wrongOutcomes.insert(index)
        tally.add(mismatch(candidate, outcome, flags: flags))
      } else if isAgreed {
        tally.agreedCount += 1
      }
    }
    for (upperIndex, expected) in uppers {
      let address = upperAddress(Int(upperIndex))
      guard let flags = checkWord(at: address, must: expected.must, may: expected.may) else {
        continue
      }
      let candidate = cases[expected.example]
      if wrongOutcomes.insert(expected.example).inserted { tally.agreedCount -= 1 }
      tally.add(
        mismatch(
          candidate, outcome(candidate, records.answer(at: expected.example), expected.example),
          flags: flags))
    }
  }

  /// What an answer says; all pages that cases reach carry stamps.
  private func outcome(
    _ candidate: ConformanceCase, _ answer: AgentAnswer, _ index: Int
  ) -> ProbeOutcome {
    if answer.hasFaulted {
      let errorCode = UInt32(truncatingIfNeeded: answer.errorCode)
      return answer.vector == 14
        ? .pageFault(errorCode: errorCode, cr2: answer.cr2)
        : .exception(vector: UInt8(truncatingIfNeeded: answer.vector), errorCode: errorCode)
    }
    switch block.loop {
    case .read, .fetch:
      return .success(
        answer.value & 0xfff == 0 && answer.value != 0
          ? .page(answer.value) : .unknown(value: answer.value))
    case .lockedOr: return .success(.notObserved)
    case .write:
      let frame = candidate.frame ?? 0
      let held = bench.memory.loadWord(
        at: GuestPhysicalAddress(truncating: frame | candidate.address & 0xfff))
      return .success(
        held == bench.slot.recordAddress(index, at: block.privilege) ? .page(frame) : .elsewhere)
    }
  }

  private func upperAddress(_ upper: Int) -> UInt64 {
    bench.tables.upperAddress(
      position, upper, level: matrix.upperLevel, rootLevel: matrix.rootLevel,
      rootIndex: matrix.rootIndex)
  }

  /// Compares a case's lower entry, and puts it back.
  private func checkLower(_ candidate: ConformanceCase, isCertain: Bool) -> String? {
    let address = bench.tables.lowerAddress(
      position, Int(candidate.upper), Int(candidate.lower))
    return checkWord(
      at: address, must: isCertain ? candidate.mustLower : 0,
      may: candidate.mayLower | (isCertain ? 0 : candidate.mustLower))
  }

  /// Compares a word with what it was, and puts it back; says what is wrong with it.
  private func checkWord(at address: UInt64, must: UInt64, may: UInt64) -> String? {
    let place = GuestPhysicalAddress(truncating: address)
    let before = bench.pristineWord(at: address)
    let after = bench.memory.loadWord(at: place) ?? 0
    if after == before && must & ~before == 0 { return nil }
    bench.memory.storeWord(before, at: place)
    let expected = before | must
    if after & ~may == expected & ~may && after & expected & ~may == expected & ~may { return nil }
    return "\(HexadecimalNumber(before)) became \(HexadecimalNumber(after)),"
      + " not \(HexadecimalNumber(expected))"
  }

  private func mismatch(
    _ candidate: ConformanceCase, _ outcome: ProbeOutcome, flags: String?
  ) -> ConformanceMismatch {
    ConformanceMismatch(
      matrix: matrix.name, block: block.index, mode: block.words, upperLevel: matrix.upperLevel,
      upperEntry: bench.pristineWord(at: upperAddress(Int(candidate.upper))),
      lowerEntry: bench.pristineWord(
        at: bench.tables.lowerAddress(position, Int(candidate.upper), Int(candidate.lower))),
      address: candidate.address,
      modelled: candidate.outcome.moved(toOffsetOf: candidate.address), executed: outcome,
      flags: flags)
  }

  /// A word that changed although no case leads through it, or after it was put back.
  private func strayChange(at address: UInt64) -> ConformanceMismatch {
    ConformanceMismatch(
      matrix: matrix.name, block: block.index, mode: block.words, upperLevel: matrix.upperLevel,
      upperEntry: 0, lowerEntry: 0, address: address, modelled: .generalProtection,
      executed: .notRun(.noMachine),
      flags: "the word at \(HexadecimalNumber(address)) changed without need")
  }
}

extension ConformanceBlock {
  /// The processor's mode and the access.
  var words: String {
    var words = [
      "NXE=\(settings.isNoExecuteEnabled ? 1 : 0)", "WP=\(settings.isWriteProtectEnabled ? 1 : 0)",
    ]
    if settings.isSMEPEnabled { words.append("SMEP=1") }
    if settings.isSMAPEnabled {
      words.append("SMAP=1 AC=\(settings.isAlignmentCheckFlagSet ? 1 : 0)")
    }
    if settings.isPKEEnabled { words.append("PKE=1 PKRU=0x\(String(settings.pkru, radix: 16))") }
    let access =
      switch loop {
      case .read: "read"
      case .write: "write"
      case .fetch: "fetch"
      case .lockedOr: "locked write"
      }
    return words.joined(separator: " ") + ": \(access) at CPL \(privilege.rawValue)"
      + (isPrecededByRead ? " after a supervisor read" : "")
  }
}
