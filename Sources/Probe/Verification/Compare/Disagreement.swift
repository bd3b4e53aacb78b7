// Disagreement: a verdict with the walk that explains it, and what to change.

import GuestMem
public import MMU

/// A probe whose answers disagree, with the walk that explains it.
public struct Disagreement: Hashable, Sendable {
  /// The three answers.
  public let verdict: ProbeVerdict
  /// The entries that the access goes through, from the root down.
  public let steps: [WalkStep]
  /// The rule, entry and bits that decide by the model, or nil where it lets the access succeed.
  public let blame: Blame?
  /// What to change, in one line.
  public let advice: String

  init(
    _ verdict: ProbeVerdict, cr3: UInt64, configuration: PagingConfiguration,
    processor: ProcessorSettings, in memory: borrowing some PhysicalMemory & ~Copyable
  ) {
    self.verdict = verdict
    let walk = Walk(verdict.address, cr3: cr3, configuration: configuration, in: memory)
    steps = Array(walk.steps)
    let explanation = walk.explain(
      Access(verdict.manner.kind), mode: processor.mode(at: verdict.manner.privilege),
      configuration: configuration)
    blame = explanation.blame
    advice = Self.advice(for: verdict, walk, explanation)
  }

  private static func advice(
    for verdict: ProbeVerdict, _ walk: Walk, _ explanation: Explanation
  ) -> String {
    guard verdict.disagreements.contains(.askedModelled) else {
      return "the tables are as asked for and the machine does not follow the manual:"
        + " kvmpt doctor examines it"
    }
    switch (verdict.asked, verdict.modelled) {
    case (.allowed(let page), .success), (.allowedByLeaf(let page?), .success):
      return pointAdvice(at: page, walk)
    case (.expected(.success(let address?)), .success):
      return pointAdvice(at: address.rawValue & ~0xfff, walk)
    case (.unsaid, _): return "nobody asked for anything"
    case (.allowed, _), (.allowedByLeaf, _), (.expected(.success), _):
      return explanation.advice.joined(separator: "; and ")
    case (.absent, _):
      return leaf(walk).map { "clear bit 0 (P) in \($0)" } ?? "unmap the page"
    case (.forbidden, .success), (.expected(.fault), .success):
      return denyAdvice(verdict.manner, walk)
    case (.forbidden, _), (.expected(.fault), _):
      return "it faults, but for another reason: "
        + (explanation.blame?.sentence ?? "no entry is to blame")
    }
  }

  private static func pointAdvice(at page: UInt64, _ walk: Walk) -> String {
    guard let step = walk.steps.last, let size = PageSize(level: step.level),
      let place = leaf(walk)
    else { return "map the page to \(HexadecimalNumber(page))" }
    let start = page & ~(size.byteCount - 1)
    return "put the address \(HexadecimalNumber(start)) into \(place)"
  }

  /// The bit of the leaf that would stop an access that should fault.
  private static func denyAdvice(_ manner: ProbeManner, _ walk: Walk) -> String {
    guard let place = leaf(walk), let step = walk.steps.last else { return "unmap the page" }
    if manner.privilege == .user && step.entry.isUserAccessible && manner.kind == .read {
      return "clear bit 2 (U/S) in \(place)"
    }
    switch manner.kind {
    case .read: return "clear bit 0 (P) in \(place)"
    case .write: return "clear bit 1 (R/W) in \(place)"
    case .fetch: return "set bit 63 (XD) in \(place)"
    }
  }

  /// The last entry of the walk, in words.
  private static func leaf(_ walk: Walk) -> String? {
    guard let step = walk.steps.last else { return nil }
    return step.place
  }
}
