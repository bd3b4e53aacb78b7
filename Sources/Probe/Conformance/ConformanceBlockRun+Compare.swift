// Comparing a batch with the model: outcomes, then A and D of every entry.

import GuestImages
import GuestMem
import MMU

extension ConformanceBlockRun {
  /// Counts the cases of a batch that came back.
  mutating func compare(_ cases: [ConformanceCase], _ deviceWrites: [UInt64: UInt64]) {
    let records = session.records
    var flags = ExpectedWords()
    var responses: [DeviationResponse?] = []
    responses.reserveCapacity(cases.count)
    for (index, candidate) in cases.enumerated() {
      let outcome = answered(candidate).outcome(
        records.answer(at: index), at: index, slot: bench.slot, deviceWrites: deviceWrites,
        in: bench.machine.ram)
      let isAgreed = candidate.agrees(with: outcome)
      responses.append(
        isAgreed
          ? nil
          : DeviationResponse(
            outcome, insteadOf: candidate.outcome, at: candidate.faultAddress))
      expect(candidate, index, isCertain: isAgreed, &flags)
      count(candidate, responses[index], outcome)
    }
    // Both entries of a case may be wrong, which is one difference.
    var wrong: [Int: (flags: FlagDifference, words: [String])] = [:]
    for (address, expected) in flags.words {
      let difference = checkWord(at: address, must: expected.must, may: expected.may)
      guard let difference, responses[expected.example] == nil else { continue }
      let placed = difference.flags.placed(
        at: expected.level, whereLast: cases[expected.example].subject.level)
      wrong[expected.example, default: ([], [])].flags.formUnion(placed)
      wrong[expected.example, default: ([], [])].words.append(difference.words)
    }
    for (example, difference) in wrong.sorted(by: { $0.key < $1.key }) {
      // A case whose outcome is right, and the entries are not.
      let candidate = cases[example]
      result.tally.agreedCount -= 1
      result.evidence.remove(candidate.key)
      add(
        candidate, .flags(difference.flags), executed: "as modelled",
        flags: difference.words.sorted().joined(separator: "; "))
    }
    if block.access == .crossingWrite { restoreEnds(cases) }
  }

  private func answered(_ candidate: ConformanceCase) -> AnsweredAccess {
    AnsweredAccess(
      access: block.access, privilege: block.privilege, address: candidate.address,
      frame: candidate.frame, nextFrame: candidate.nextFrame,
      isDevice: matrix.target == .device)
  }

  private mutating func count(
    _ candidate: ConformanceCase, _ response: DeviationResponse?, _ outcome: ProbeOutcome
  ) {
    result.tally.caseCount += 1
    guard let response else {
      result.tally.agreedCount += 1
      result.evidence.add(candidate.key)
      return
    }
    add(candidate, response, executed: outcome.words, flags: nil)
  }

  /// Adds what a case does to the words of its entries.
  private func expect(
    _ candidate: ConformanceCase, _ index: Int, isCertain: Bool, _ flags: inout ExpectedWords
  ) {
    let (upper, lower) = (Int(candidate.upper), Int(candidate.lower))
    flags.add(
      upperAddress(upper), matrix.upperLevel, must: candidate.mustUpper, may: candidate.mayUpper,
      isCertain: isCertain, example: index, isExclusive: candidate.isExclusive)
    let address = lowerAddress(upper, lower)
    flags.add(
      address, matrix.lowerLevel, must: candidate.mustLower, may: candidate.mayLower,
      isCertain: isCertain,
      example: index, isExclusive: true)
    guard block.access.form == .crossing else { return }
    flags.add(
      address + 8, matrix.lowerLevel, must: candidate.mustNext, may: candidate.mayNext,
      isCertain: isCertain,
      example: index, isExclusive: true)
  }

  func upperAddress(_ upper: Int) -> UInt64 {
    bench.tables.upperAddress(matrix, at: position, upper)
  }

  func lowerAddress(_ upper: Int, _ lower: Int) -> UInt64 {
    bench.tables.lowerAddress(position, upper, lower)
  }

  /// Compares a word with what it was, and puts it back; says what is wrong with it.
  private func checkWord(
    at address: UInt64, must: UInt64, may: UInt64
  ) -> (flags: FlagDifference, words: String)? {
    let place = GuestPhysicalAddress(truncating: address)
    let before = bench.pristineWord(at: address)
    let after = bench.memory.loadWord(at: place) ?? 0
    if after == before && must & ~before == 0 { return nil }
    bench.memory.storeWord(before, at: place)
    let expected = before | must
    let difference = FlagDifference(after: after, expected: expected, may: may)
    if difference.isEmpty { return nil }
    return (
      difference,
      "\(HexadecimalNumber(before)) became \(HexadecimalNumber(after)),"
        + " not \(HexadecimalNumber(expected))"
    )
  }

  /// Puts back what crossing writes destroyed, also where only half of one was made.
  private func restoreEnds(_ cases: [ConformanceCase]) {
    for candidate in cases {
      for frame in [candidate.frame, candidate.nextFrame] {
        guard let frame else { continue }
        ConformanceStamp.writeEnds(to: frame, in: bench.machine.ram)
      }
    }
  }
}

/// The words of entries that a batch touches.
private struct ExpectedWords {
  private(set) var words: [UInt64: (must: UInt64, may: UInt64, level: Level, example: Int)] = [:]

  mutating func add(
    _ address: UInt64, _ level: Level, must: UInt64, may: UInt64, isCertain: Bool, example: Int,
    isExclusive: Bool
  ) {
    var word = words[address] ?? (0, 0, level, example)
    if isCertain { word.must |= must }
    word.may |= isCertain ? may : may | must
    if isExclusive && isCertain { word.example = example }
    words[address] = word
  }
}

extension ConformanceCase {
  /// The case as rules see it.
  var key: EvidenceKey { EvidenceKey(subject, modelled: outcome) }

  /// True when the machine did what the model says, in one of the ways that it leaves open.
  func agrees(with executed: ProbeOutcome) -> Bool {
    if outcome.isAtOffset(of: address) && outcome.agrees(with: executed, address: faultAddress) {
      return true
    }
    return alternative.map { $0.outcome.agrees(with: executed, address: $0.faultAddress) } ?? false
  }
}
