// Checking a report whole: what it says of a run must be what a run of its plan can have.

/// Why a report cannot be what a run found.
public struct ConformanceReportProblem: Error, Hashable, Sendable {
  /// The member of the report that is wrong, as the JSON report names it.
  public let member: String
  /// What is wrong with it.
  public let message: String
}

extension ConformanceReport {
  /// Holds the report against the plan of its profile on its machine: the number of blocks, which of
  /// them belong to the share, how many cases the finished ones have, and whether the cases add up.
  ///
  /// - Throws: ``ConformanceReportProblem``.
  /// - Complexity: the plan, and the evidence once.
  public func check() throws(ConformanceReportProblem) {
    func require(
      _ isRight: Bool, _ member: String, _ message: String
    ) throws(ConformanceReportProblem) {
      if !isRight { throw ConformanceReportProblem(member: member, message: message) }
    }
    // No processor has other widths; there is no plan for one.
    try require(
      (32...52).contains(machine.physicalAddressWidth), "machine",
      "MAXPHYADDR is \(machine.physicalAddressWidth), and no processor has that")
    let plan = ConformancePlan(
      profile, for: machine, readsDescriptors: notRun[.noDescriptorReads] == nil)
    try require(
      profileBlockCount == plan.blocks.count, "profile-blocks",
      "\(profile.rawValue) has \(plan.blocks.count) blocks on such a machine")
    try require(
      notRun == plan.notRun, "not-run", "they are not the cases that such a machine lacks")
    try require(
      finished.allSatisfy { (0..<profileBlockCount).contains($0) && shard.includes($0) },
      "finished-blocks", "there are blocks of other shares")
    let agreed = try sum(evidence.agreed.values, "agreeing")
    let differing = try sum(evidence.differences.values.map(\.count), "differing")
    try require(
      total.agreedCount == agreed, "agreed", "the agreeing cases are \(agreed) by their kinds")
    try require(
      total.caseCount == agreed + differing, "cases",
      "by their kinds \(agreed) agree and \(differing) differ")
    for record in evidence.differences.values {
      try require(
        finished.contains(record.example.block), "differing",
        "an example is of block \(record.example.block), which is not finished")
    }
    let leftOut = try sum(total.notRun.values, "left-out")
    let planned = plan.caseCount(ofFinished: finished)
    // A word that changed without any access to blame is counted beside the plan's cases.
    let strays = evidence.differences.reduce(0) {
      guard case .flags(let flags) = $1.key.response, flags.contains(.other) else { return $0 }
      return $0 + $1.value.count
    }
    let excess = total.caseCount + leftOut - planned
    try require(
      excess >= 0 && excess <= strays, "cases",
      "the finished blocks have \(planned) cases, and \(total.caseCount + leftOut) are counted")
    try require(
      total.notRun.keys.allSatisfy { $0 == .fetchWithoutMemory }, "left-out",
      "a finished block leaves nothing out for such a reason")
  }

  private func sum(
    _ counts: some Collection<Int>, _ member: String
  ) throws(ConformanceReportProblem) -> Int {
    var sum = 0
    for count in counts {
      let (next, isTooLarge) = sum.addingReportingOverflow(count)
      guard count >= 0, !isTooLarge, next <= 1 << 48 else {
        throw ConformanceReportProblem(member: member, message: "there are too many cases")
      }
      sum = next
    }
    return sum
  }
}

extension ConformancePlan {
  /// The cases that the profile runs of some blocks.
  func caseCount(ofFinished finished: Set<Int>) -> Int {
    let selection: ConformanceSelection = profile == .quick ? .quick : .everything
    return blocks.reduce(0) { sum, block in
      finished.contains(block.index) ? sum + caseCount(of: block, selection) : sum
    }
  }

  private func caseCount(of block: ConformanceBlock, _ selection: ConformanceSelection) -> Int {
    if case .everything = selection { return block.caseCount }
    switch block.work {
    case .sequence(let position):
      return selection.includes(sequences[position], at: position) ? block.caseCount : 0
    case .matrix(let work):
      let matrix = matrices[work.matrix]
      let pairs = selection.pairs(
        ofBlock: block.index, rowLength: matrix.lower.count,
        pairCount: matrix.upper.count * matrix.lower.count)
      return pairs.count { pair in
        matrix.isCase(
          upper: pair / matrix.lower.count, lower: pair % matrix.lower.count,
          isNoExecuteEnabled: work.settings.isNoExecuteEnabled)
      }
    }
  }
}
