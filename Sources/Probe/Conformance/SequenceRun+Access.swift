// One access step of a sequence: predicted by every state of the tables that the processor may go
// by, executed, and compared.

import GuestImages
import GuestMem
import MMU

/// What a state of the tables lets an access do.
private struct SequencePrediction {
  let outcome: AccessOutcome
  let faultAddress: UInt64
  let frame: UInt64?
  let nextFrame: UInt64?
  let subject: DeviationSubject
  /// By physical address of the entry.
  var must: [UInt64: UInt64] = [:]
  var may: [UInt64: UInt64] = [:]
  /// The level of each entry that the access uses.
  var levels: [UInt64: Level] = [:]
}

/// An access of a step whose outcome is right, and which uses an entry that is not as it should be.
struct SequenceSuspect {
  /// The position of the access in the step.
  let index: Int
  /// The access as it was counted.
  let key: EvidenceKey
  /// The level of the entry.
  let level: Level
}

extension SequenceRun {
  /// Makes the same access at each address.
  mutating func perform(
    _ access: ConformanceAccess, _ privilege: PrivilegeLevel, _ pages: [UInt64],
    _ freshness: ConformanceSequence.Freshness
  ) throws(MachineError) -> GuestDeath? {
    let before = bench.words()
    let records = session.records
    var addresses: [UInt64] = []
    for (index, page) in pages.enumerated() {
      let address = page & ~0xfff | access.offset(writeSlot: index % 480)
      addresses.append(address)
      records.ask(access.recordAddress(for: address), at: index)
    }
    let earlier = freshness == .current ? [] : states
    let predictions = addresses.map { address in
      [predict(access, privilege, address, tables: before)]
        + earlier.map { predict(access, privilege, address, tables: $0) }
    }
    if access.leavesToken { clearSlots(predictions, addresses) }
    let (end, deviceWrites) = try run(access.loop, privilege, count: pages.count)
    if case .died(let death, _) = end { return death }
    var must: [UInt64: UInt64] = [:]
    var may: [UInt64: UInt64] = [:]
    var agreed: [EvidenceKey?] = []
    for (index, address) in addresses.enumerated() {
      let answer = records.answer(at: index)
      agreed.append(
        count(predictions[index], answer, at: index, access, privilege, address, deviceWrites))
      let isRight = agreed[index] != nil
      for (position, prediction) in predictions[index].enumerated() {
        // Where a stale translation may be used, none of its flags is certain.
        let isCertain = isRight && position == 0 && earlier.isEmpty
        for (place, bits) in prediction.must {
          if isCertain { must[place, default: 0] |= bits }
          may[place, default: 0] |= bits
        }
        for (place, bits) in prediction.may { may[place, default: 0] |= bits }
      }
    }
    if access == .crossingWrite { bench.machine.stampPool() }
    compareTables(before, must: must, may: may, access, privilege, pages) { place in
      // Of the accesses that agree so far, the first that uses the entry is the one that is wrong.
      for (index, prediction) in predictions.enumerated() {
        guard let key = agreed[index],
          let level = prediction.lazy.compactMap({ $0.levels[place] }).first
        else { continue }
        return SequenceSuspect(index: index, key: key, level: level)
      }
      return nil
    }
    return nil
  }

  private func predict(
    _ access: ConformanceAccess, _ privilege: PrivilegeLevel, _ address: UInt64, tables: [UInt64]
  ) -> SequencePrediction {
    let memory = SnapshotMemory(words: tables, memory: bench.memory)
    let mode = settings.mode(at: privilege)
    guard
      let configuration = machine.configuration(for: settings, rootLevel: bench.rootLevel)
    else {
      return SequencePrediction(
        outcome: .generalProtection, faultAddress: address, frame: nil, nextFrame: nil,
        subject: DeviationSubject(
          access.access, form: access.form, privilege: privilege, end: .notCanonical,
          rootLevel: bench.rootLevel))
    }
    func walk(_ address: UInt64) -> Walk {
      Walk(
        address, cr3: sequence.space.root, configuration: configuration, in: memory, under: model)
    }
    var deciding = walk(address)
    var prediction = deciding.predict(
      access.access, mode: mode, configuration: configuration, under: model)
    let first = (deciding, prediction)
    var faultAddress = address
    var next: (Walk, AccessPrediction)?
    if access.form == .crossing {
      let border = walk(address &+ 4)
      let other = border.predict(
        access.access, mode: mode, configuration: configuration, under: model)
      next = (border, other)
      if case .success = prediction.outcome, other.blame != nil {
        (deciding, prediction, faultAddress) = (border, other, address &+ 4)
      }
    }
    var result = SequencePrediction(
      outcome: prediction.outcome, faultAddress: faultAddress, frame: Self.frame(first.0),
      nextFrame: next.flatMap { Self.frame($0.0) },
      subject: DeviationSubject(
        access.access, form: access.form, privilege: privilege, walk: deciding,
        prediction: prediction,
        rootIndex: DeviationSubject.rootIndex(of: address, rootLevel: bench.rootLevel)))
    let isFault = prediction.blame != nil
    result.add(first.0, first.1, onlyMay: isFault)
    if let next { result.add(next.0, next.1, onlyMay: isFault) }
    if access == .lockedOr, isFault {
      // An emulated locked operation reads before it fails to write.
      result.add(
        first.0,
        first.0.predict(Access(.read), mode: mode, configuration: configuration, under: model),
        onlyMay: true)
    }
    return result
  }

  private static func frame(_ walk: Walk) -> UInt64? {
    walk.translation.map { $0.physicalAddress.rawValue & ~0xfff }
  }

  /// No write of an earlier step answers for one of this.
  private func clearSlots(_ predictions: [[SequencePrediction]], _ addresses: [UInt64]) {
    for (index, address) in addresses.enumerated() {
      for prediction in predictions[index] {
        guard let frame = prediction.frame, frame < SequenceSpace.tablesAddress else { continue }
        bench.machine.ram.storeWord(
          0, at: GuestPhysicalAddress(truncating: frame | address & 0xfff))
      }
    }
  }

  /// Counts one access; says as what when it did what one of the predictions says.
  private mutating func count(
    _ predictions: [SequencePrediction], _ answer: AgentAnswer, at index: Int,
    _ access: ConformanceAccess, _ privilege: PrivilegeLevel, _ address: UInt64,
    _ deviceWrites: [UInt64: UInt64]
  ) -> EvidenceKey? {
    result.tally.caseCount += 1
    let outcomes = predictions.map { prediction in
      outcome(prediction, answer, at: index, access, privilege, address, deviceWrites)
    }
    let agreed = predictions.indices.first { position in
      predictions[position].outcome.isAtOffset(of: address)
        && predictions[position].outcome.agrees(
          with: outcomes[position], address: predictions[position].faultAddress)
    }
    let current = predictions[0]
    let key = EvidenceKey(current.subject, modelled: current.outcome)
    if let agreed {
      result.tally.agreedCount += 1
      // Where an earlier state of the tables was used, it is that one that agrees.
      let used = EvidenceKey(predictions[agreed].subject, modelled: predictions[agreed].outcome)
      result.evidence.add(used)
      return used
    }
    guard
      let response = DeviationResponse(
        outcomes[0], insteadOf: current.outcome, at: current.faultAddress)
    else {
      // An access without an answer is no case.
      result.tally.caseCount -= 1
      return nil
    }
    result.evidence.add(
      EvidenceDifference(key, response),
      DifferenceRecord(
        count: 1,
        example: ConformanceMismatch(
          matrix: sequence.name, block: self.index, mode: words(access, privilege),
          entries: entries(of: address), address: address,
          modelled: current.outcome.words,
          executed: outcomes[0].words)))
    return nil
  }

  private func outcome(
    _ prediction: SequencePrediction, _ answer: AgentAnswer, at index: Int,
    _ access: ConformanceAccess, _ privilege: PrivilegeLevel, _ address: UInt64,
    _ deviceWrites: [UInt64: UInt64]
  ) -> ProbeOutcome {
    // A table that is read as a page says which it is by what it holds.
    if access == .read, !answer.hasFaulted, let frame = prediction.frame,
      frame >= SequenceSpace.tablesAddress
    {
      let flags = PageTableEntry.Bit.accessed | PageTableEntry.Bit.dirty
      let place = GuestPhysicalAddress(truncating: frame | address & 0xfff)
      let held = bench.memory.loadWord(at: place) ?? 0
      return .success(
        held & ~flags == answer.value & ~flags ? .page(frame) : .unknown(value: answer.value))
    }
    return AnsweredAccess(
      access: access, privilege: privilege, address: address, frame: prediction.frame,
      nextFrame: prediction.nextFrame
    ).outcome(
      answer, at: index, slot: bench.slot, deviceWrites: deviceWrites, in: bench.machine.ram)
  }

  func words(_ access: ConformanceAccess, _ privilege: PrivilegeLevel) -> String {
    "\(settings.words): \(access.words) at CPL \(privilege.rawValue)"
  }

  private func entries(of address: UInt64) -> [PageTableEntry] {
    guard let configuration = machine.configuration(for: settings, rootLevel: bench.rootLevel)
    else {
      return []
    }
    return Walk(
      address, cr3: sequence.space.root, configuration: configuration, in: bench.memory
    ).steps.map(\.entry)
  }
}

extension SequencePrediction {
  fileprivate mutating func add(_ walk: Walk, _ prediction: AccessPrediction, onlyMay: Bool) {
    for step in walk.steps {
      let flags = FlagPrediction(prediction, at: step.level)
      let place = step.entryAddress.rawValue
      levels[place] = step.level
      if flags.must != 0 {
        if onlyMay {
          may[place, default: 0] |= flags.must
        } else {
          must[place, default: 0] |= flags.must
        }
      }
      if flags.may != 0 { may[place, default: 0] |= flags.may }
    }
  }
}
