// Keeping the cases in which machine and model differ.

import MMU

extension ConformanceBlockRun {
  /// Counts a difference and keeps the case as an example of it.
  mutating func add(
    _ candidate: ConformanceCase, _ response: DeviationResponse,
    executed: @autoclosure () -> String, flags: String?
  ) {
    let places = [
      (upperAddress(Int(candidate.upper)), matrix.upperLevel),
      (lowerAddress(Int(candidate.upper), Int(candidate.lower)), matrix.lowerLevel),
    ]
    // Not `self`, whose evidence would be copied.
    let (bench, matrix, block, index) = (bench, matrix, block, index)
    result.evidence.add(EvidenceDifference(candidate.key, response)) {
      ConformanceMismatch(
        matrix: matrix.name, block: index, mode: block.words,
        entries: places.map { PageTableEntry(bench.pristineWord(at: $0.0), at: $0.1) },
        address: candidate.address,
        modelled: candidate.outcome.words,
        executed: executed(), flags: flags)
    }
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
