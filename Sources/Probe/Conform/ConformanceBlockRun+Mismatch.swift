// Keeping the cases in which machine and model differ.

import MMU

extension ConformanceBlockRun {
  /// Counts a difference and keeps the case as an example of it.
  mutating func add(
    _ candidate: ConformanceCase, _ response: DeviationResponse, executed: String, flags: String?
  ) {
    let (upper, lower) = (Int(candidate.upper), Int(candidate.lower))
    let example = ConformanceMismatch(
      matrix: matrix.name, block: index, mode: block.words,
      entries: [
        PageTableEntry(bench.pristineWord(at: upperAddress(upper)), at: matrix.upperLevel),
        PageTableEntry(bench.pristineWord(at: lowerAddress(upper, lower)), at: matrix.lowerLevel),
      ], address: candidate.address,
      modelled: candidate.outcome.moved(toOffsetOf: candidate.address).words, executed: executed,
      flags: flags)
    result.evidence.add(
      EvidenceDifference(candidate.key, response), DifferenceRecord(count: 1, example: example))
  }

  /// Counts a case that the guest did not survive.
  mutating func addDeath(of candidate: ConformanceCase, _ death: GuestDeath) {
    result.tally.caseCount += 1
    add(candidate, .lost(death), executed: ProbeOutcome.lost(death).words, flags: nil)
  }

  /// Counts a word that changed although no case leads through it, or after it was put back.
  mutating func addStrayChange(at address: UInt64) {
    result.tally.caseCount += 1
    let subject = DeviationSubject(
      block.access.access, form: block.access.form, privilege: block.privilege,
      end: .allowed, rootLevel: matrix.rootLevel)
    let success = AccessOutcome.success(GuestPhysicalAddress(truncating: 0))
    result.evidence.add(
      EvidenceDifference(EvidenceKey(subject, modelled: success), .flags(.other)),
      DifferenceRecord(
        count: 1,
        example: ConformanceMismatch(
          matrix: matrix.name, block: index, mode: block.words, entries: [], address: address,
          modelled: "no change", executed: "a change",
          flags: "the word at \(HexadecimalNumber(address)) changed without need")))
  }
}
