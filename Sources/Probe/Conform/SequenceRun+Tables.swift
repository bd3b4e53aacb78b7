// A and D of every entry after a step of a sequence.

import GuestMem
import MMU

extension SequenceRun {
  /// Compares all words of all tables with what they were before the step.
  mutating func compareTables(
    _ before: [UInt64], must: [UInt64: UInt64], may: [UInt64: UInt64],
    _ access: ConformanceAccess, _ privilege: PrivilegeLevel, _ pages: [UInt64]
  ) {
    let after = bench.words()
    let agentEntry = bench.slot.rootIndex
    var isWrong = false
    for index in before.indices where index != agentEntry {
      let place = SequenceSpace.tablesAddress + UInt64(index) * 8
      let expected = before[index] | (must[place] ?? 0)
      if after[index] == expected { continue }
      let difference = FlagDifference(
        after: after[index], expected: expected, may: may[place] ?? 0)
      if difference.isEmpty { continue }
      add(difference, at: place, before[index], after[index], access, privilege, pages)
      isWrong = true
    }
    // What the accesses did is the state from here on, and no other one to go back to.
    if !isWrong && !states.isEmpty { states[states.count - 1] = after }
    if isWrong { noteState() }
  }

  private mutating func add(
    _ difference: FlagDifference, at place: UInt64, _ before: UInt64, _ after: UInt64,
    _ access: ConformanceAccess, _ privilege: PrivilegeLevel, _ pages: [UInt64]
  ) {
    // One of the step's cases, whose outcome was right, is the example.
    if result.tally.agreedCount > 0 { result.tally.agreedCount -= 1 }
    let subject = DeviationSubject(
      access.access, form: access.form, privilege: privilege, end: .allowed,
      rootLevel: bench.rootLevel)
    let success = AccessOutcome.success(GuestPhysicalAddress(truncating: 0))
    result.evidence.add(
      EvidenceDifference(EvidenceKey(subject, modelled: success), .flags(difference)),
      DifferenceRecord(
        count: 1,
        example: ConformanceMismatch(
          matrix: sequence.name, block: index, mode: words(access, privilege), entries: [],
          address: pages.first ?? 0, modelled: "A and D as modelled", executed: "others",
          flags: "the word at \(HexadecimalNumber(place)): \(HexadecimalNumber(before)) became"
            + " \(HexadecimalNumber(after))")))
  }
}
