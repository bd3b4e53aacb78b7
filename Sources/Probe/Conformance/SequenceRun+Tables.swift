// A and D of every entry after a step of a sequence.

import GuestMem
import MMU

extension SequenceRun {
  /// Compares all words of all tables with what they were before the step.
  mutating func compareTables(
    _ before: [UInt64], must: [UInt64: UInt64], may: [UInt64: UInt64],
    _ access: ConformanceAccess, _ privilege: PrivilegeLevel, _ pages: [UInt64],
    suspect: (_ place: UInt64) -> SequenceSuspect?
  ) {
    let after = bench.words()
    let agentEntry = bench.slot.rootIndex
    var isWrong = false
    var found: [Int: (key: EvidenceKey, flags: FlagDifference, words: [String])] = [:]
    for index in before.indices where index != agentEntry {
      let place = SequenceSpace.tablesAddress + UInt64(index) * 8
      let expected = before[index] | (must[place] ?? 0)
      if after[index] == expected { continue }
      let difference = FlagDifference(
        after: after[index], expected: expected, may: may[place] ?? 0)
      if difference.isEmpty { continue }
      isWrong = true
      let words =
        "the word at \(HexadecimalNumber(place)): \(HexadecimalNumber(before[index])) became"
        + " \(HexadecimalNumber(after[index]))"
      guard let suspect = suspect(place) else {
        addStrayChange(words, access, privilege, pages)
        continue
      }
      let placed = difference.placed(at: suspect.level, whereLast: suspect.key.subject.level)
      found[suspect.index, default: (suspect.key, [], [])].flags.formUnion(placed)
      found[suspect.index, default: (suspect.key, [], [])].words.append(words)
    }
    for (index, difference) in found.sorted(by: { $0.key < $1.key }) {
      add(difference, access, privilege, at: pages[index])
    }
    // What the accesses did is the state from here on, and no other one to go back to.
    if !isWrong && !states.isEmpty { states[states.count - 1] = after }
    if isWrong { noteState() }
  }

  /// Counts an access whose outcome is right, and the entries are not.
  private mutating func add(
    _ difference: (key: EvidenceKey, flags: FlagDifference, words: [String]),
    _ access: ConformanceAccess, _ privilege: PrivilegeLevel, at address: UInt64
  ) {
    result.tally.agreedCount -= 1
    result.evidence.remove(difference.key)
    result.evidence.add(
      EvidenceDifference(difference.key, .flags(difference.flags)),
      DifferenceRecord(
        count: 1,
        example: ConformanceMismatch(
          matrix: sequence.name, block: index, mode: words(access, privilege), entries: [],
          address: address, modelled: "A and D as modelled", executed: "others",
          flags: difference.words.joined(separator: "; "))))
  }

  /// Counts a word that changed although no access that agrees uses it.
  private mutating func addStrayChange(
    _ change: String, _ access: ConformanceAccess, _ privilege: PrivilegeLevel, _ pages: [UInt64]
  ) {
    result.tally.caseCount += 1
    let subject = DeviationSubject(
      access.access, form: access.form, privilege: privilege, end: .allowed,
      rootLevel: bench.rootLevel)
    let success = AccessOutcome.success(GuestPhysicalAddress(truncating: 0))
    result.evidence.add(
      EvidenceDifference(EvidenceKey(subject, modelled: success), .flags(.other)),
      DifferenceRecord(
        count: 1,
        example: ConformanceMismatch(
          matrix: sequence.name, block: index, mode: words(access, privilege), entries: [],
          address: pages.first ?? 0, modelled: "no change", executed: "a change", flags: change)))
  }
}
