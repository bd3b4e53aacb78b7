// One batch: run it, and find out which case killed the guest if one did.

import GuestImages
import GuestMem
import MMU

extension ConformanceBlockRun {
  /// Runs a batch; one that kills the guest is taken apart until the culprit stands alone.
  mutating func runBatch(_ batch: ArraySlice<ConformanceCase>) throws(MachineError) {
    var parts = BatchParts(batch)
    while let part = parts.next() {
      guard let (death, record) = try runPart(part) else { continue }
      if !parts.divide(part, at: record) { addDeath(of: withAddresses(part)[0], death) }
    }
  }

  /// Runs a part of a batch; returns how and where the guest died in it, if it did.
  private mutating func runPart(
    _ batch: ArraySlice<ConformanceCase>
  ) throws(MachineError) -> (death: GuestDeath, record: Int?)? {
    guard ContinuousClock.now < deadline else {
      result.tally.notRun[.timeLimit, default: 0] += batch.count
      return nil
    }
    let cases = withAddresses(batch)
    try bench.machine.showHostChanges()
    var end = AgentBatchEnd.finished(deviceWrites: [:])
    if block.isPrecededByRead { end = try execute(cases, .read, .supervisor) }
    if case .finished = end { end = try execute(cases, block.access.loop, block.privilege) }
    switch end {
    case .finished(let deviceWrites): compare(cases, deviceWrites)
    case .unfinished:
      try bench.recover()
      result.tally.notRun[.timeLimit, default: 0] += batch.count
    case .died(let death, let record):
      try bench.recover()
      _ = bench.prepareAgent(for: block.settings)
      return (death, record)
    }
    return nil
  }

  private mutating func execute(
    _ cases: [ConformanceCase], _ loop: AgentBatch.Loop, _ privilege: PrivilegeLevel
  ) throws(MachineError) -> AgentBatchEnd {
    let records = session.records
    let access = loop == block.access.loop ? block.access : .read
    var base: UInt64 = 0
    if access == .descriptor {
      base = (cases.first?.address ?? 0) & ~0xffff
      session.setLocalDescriptorTable(at: base)
    }
    for (index, candidate) in cases.enumerated() {
      // A selector in the local table, for CPL 3.
      let selector = access == .descriptor ? (candidate.address - base) | 7 : 0
      records.ask(access.recordAddress(for: candidate.address), value: selector, at: index)
    }
    let run = try session.run(
      loop, at: privilege, count: cases.count, in: state, deadline: deadline)
    result.tally.guestTime += run.time
    return run.end
  }

  /// Chooses where in its page each case looks, so that no two writes hit one word, and clears the
  /// words, so that no write of an earlier batch answers for one of this.
  private func withAddresses(_ batch: ArraySlice<ConformanceCase>) -> [ConformanceCase] {
    guard block.access.leavesToken else { return Array(batch) }
    var writeCounts: [UInt64: Int] = [:]
    return batch.map { candidate in
      guard let frame = candidate.frame else { return candidate }
      guard case .success = candidate.outcome else {
        clearWord(at: frame | candidate.address & 0xfff)
        return candidate
      }
      let slot = writeCounts[frame, default: 0] % ConformanceStamp.writeSlotCount
      writeCounts[frame, default: 0] += 1
      var result = candidate
      let offset = block.access.offset(writeSlot: slot)
      result.address = candidate.address & ~0xfff | offset
      result.faultAddress = result.address
      result.outcome = candidate.outcome.moved(by: result.address &- candidate.address)
      clearWord(at: frame | offset)
      return result
    }
  }

  private func clearWord(at address: UInt64) {
    bench.machine.ram.storeWord(0, at: GuestPhysicalAddress(truncating: address))
  }
}
