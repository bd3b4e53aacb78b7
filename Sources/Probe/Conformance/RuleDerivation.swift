// RuleDerivation: a small set of rules that says how a machine differs, from what it did.

import MMU

/// Derives rules from evidence.
///
/// A rule must hold of every case that it speaks about: its condition grows, attribute by attribute,
/// by the one that best tells the cases that show the effect from those that do not, until no
/// counter-example is left; it grows from each attribute that some case has. Cases that follow the
/// manual and show the effect as well, such as faults that any rule about faults would allow, are
/// kept out where that costs nothing: a rule should not speak about cases that need none. The rule
/// that explains most is kept, and the rest is explained in the same way.
///
/// - Complexity: kinds of differences times kinds of cases; both are small, because cases that
///   rules cannot tell apart are one.
struct RuleDerivation {
  private struct Observation {
    let subject: DeviationSubject
    /// The attributes by their numbers.
    let attributes: [Int]
    let modelled: AccessOutcome
    let response: DeviationResponse
    let count: Int

    func has(_ attribute: Int) -> Bool { attributes.contains(attribute) }

    /// True when the case says nothing for or against `effect`: bits that the model does not give
    /// cannot be missing, and where the outcome differs, A and D were not compared.
    func isSilent(about effect: DeviationEffect) -> Bool {
      if effect.isSilent(about: modelled) { return true }
      guard case .flags = effect else { return false }
      if case .flags = response { return false }
      return response != DeviationResponse(following: modelled)
    }
  }

  /// All attributes that cases have, in the order in which rules name and prefer them; their places
  /// here are their numbers.
  private let attributes: [DeviationAttribute]
  private let agreed: [Observation]
  private var differing: [Observation]
  private let deadline: ContinuousClock.Instant?

  /// Takes the evidence that `known` does not explain; at `deadline` what is left stays unexplained.
  init(
    _ evidence: ConformanceEvidence, knowing known: [Deviation] = [],
    deadline: ContinuousClock.Instant? = nil
  ) {
    self.deadline = deadline
    let evidence = evidence.withoutOrdinaryRootEntries()
    let differences = evidence.differences.filter { difference, _ in
      !known.contains { $0.explains(difference) }
    }
    var all: Set<DeviationAttribute> = []
    // Where nothing is to be explained, nothing else is looked at.
    if !differences.isEmpty {
      for key in evidence.agreed.keys { all.formUnion(key.subject.attributes) }
      for difference in evidence.differences.keys {
        all.formUnion(difference.key.subject.attributes)
      }
    }
    let sorted = all.sorted { ($0.order, $0.value) < ($1.order, $1.value) }
    let numbers = Dictionary(uniqueKeysWithValues: sorted.enumerated().map { ($1, $0) })
    func observation(
      _ key: EvidenceKey, _ response: DeviationResponse, _ count: Int
    ) -> Observation {
      Observation(
        subject: key.subject, attributes: key.subject.attributes.compactMap { numbers[$0] },
        modelled: key.modelled, response: response, count: count)
    }
    attributes = sorted
    agreed =
      differences.isEmpty
      ? []
      : evidence.agreed.map { observation($0, DeviationResponse(following: $0.modelled), $1) }
    differing = differences.map { observation($0.key, $0.response, $1.count) }
  }

  /// The rules, the one that explains most first.
  ///
  /// A rule that has exceptions cannot be told by a condition; but where another rule says what the
  /// exceptions do, they are none. So each rule is tried as one that goes before all others.
  func rules() -> [Deviation] {
    if differing.isEmpty { return [] }
    let plain = derived()
    var best = plain
    for first in plain where !isOutOfTime {
      var rest = self
      rest.differing.removeAll { shows($0, first) }
      let rules = [first] + rest.derived()
      if rules.count < best.count && !isOutOfTime { best = rules }
    }
    return best
  }

  /// True when there is something to find rules for.
  var hasDifferences: Bool { !differing.isEmpty }

  /// True when the rules may not be all that there are.
  var isOutOfTime: Bool { deadline.map { ContinuousClock.now >= $0 } ?? false }

  private func derived() -> [Deviation] {
    var rules: [Deviation] = []
    var rest = differing
    while !rest.isEmpty, !isOutOfTime {
      let effects = Set(
        rest.flatMap { DeviationEffect.candidates(for: $0.response, insteadOf: $0.modelled) })
      var best: (rule: Deviation, count: Int)?
      for effect in effects.sorted(by: { ($0.order, $0.number ?? 0) < ($1.order, $1.number ?? 0) })
      {
        let cases = cases(about: effect, among: rest)
        for start in [nil] + numbers(of: cases.positives).map(Optional.some) {
          if isOutOfTime { return rules }
          guard let rule = rule(effect, from: start, for: cases) else { continue }
          let count = cases.positives.reduce(0) {
            $0.clampedSum(rule.applies(to: $1.subject) ? $1.count : 0)
          }
          if count > best?.count ?? 0 { best = (rule, count) }
        }
      }
      guard let best else { break }
      rules.append(best.rule)
      rest.removeAll { shows($0, best.rule) }
    }
    return rules
  }

  private func shows(_ observation: Observation, _ rule: Deviation) -> Bool {
    rule.applies(to: observation.subject) && shows(observation, rule.effect)
  }

  private func shows(_ observation: Observation, _ effect: DeviationEffect) -> Bool {
    effect.allows(observation.response, insteadOf: observation.modelled, observation.subject)
  }

  /// What cases say about an effect.
  private struct Cases {
    /// Those to be explained that show it.
    var positives: [Observation]
    /// Those that speak against it.
    var negatives: [Observation]
    /// Those that follow the manual and show it.
    var idle: [Observation]

    /// Leaves those that have `attribute`.
    mutating func keep(_ attribute: Int) {
      positives.removeAll { !$0.has(attribute) }
      negatives.removeAll { !$0.has(attribute) }
      idle.removeAll { !$0.has(attribute) }
    }
  }

  /// What the cases say about `effect`, of which those in `rest` are to be explained; it is the same for
  /// each condition that is tried.
  ///
  /// - Complexity: linear in the number of cases.
  private func cases(about effect: DeviationEffect, among rest: [Observation]) -> Cases {
    func speaksAgainst(_ observation: Observation) -> Bool {
      !shows(observation, effect) && !observation.isSilent(about: effect)
    }
    return Cases(
      positives: rest.filter { shows($0, effect) },
      negatives: agreed.filter(speaksAgainst) + differing.filter(speaksAgainst),
      idle: agreed.filter { shows($0, effect) })
  }

  /// A rule with `effect` for some of the positive cases, which have `start`, or nil when nothing
  /// tells them from others.
  private func rule(
    _ effect: DeviationEffect, from start: Int?, for all: Cases
  ) -> Deviation? {
    var cases = all
    var condition: [Int] = []
    func add(_ attribute: Int) {
      condition.append(attribute)
      cases.keep(attribute)
    }
    if let start { add(start) }
    while !cases.negatives.isEmpty {
      guard let attribute = best(cases.positives, cases.negatives) else { return nil }
      add(attribute)
    }
    while !cases.idle.isEmpty, let attribute = best(cases.positives, cases.idle),
      cases.positives.allSatisfy({ $0.has(attribute) })
    {
      add(attribute)
    }
    let positives = cases.positives
    guard !positives.isEmpty, !condition.isEmpty else { return nil }
    switch effect {
    case .faultsAsNotPresent, .faultsAnyhow:
      // Whatever the tables say includes what allows the access.
      guard positives.contains(where: { if case .success = $0.modelled { true } else { false } })
      else { return nil }
    case .errorCodeLacks, .errorCodeHas, .exception, .succeeds, .flags: break
    }
    return Deviation(when: simplified(condition, effect).map { attributes[$0] }, effect)
  }

  /// The attributes that some of `observations` have, in their order.
  private func numbers(of observations: [Observation]) -> [Int] {
    let counts = counts(of: observations)
    return counts.indices.filter { counts[$0] > 0 }
  }

  /// How many of `observations` have each attribute.
  private func counts(of observations: [Observation]) -> [Int] {
    var counts = [Int](repeating: 0, count: attributes.count)
    for observation in observations {
      for attribute in observation.attributes { counts[attribute] += 1 }
    }
    return counts
  }

  /// The attribute that leaves the largest part of positives, among those that help at all.
  private func best(_ positives: [Observation], _ negatives: [Observation]) -> Int? {
    let against = counts(of: negatives)
    let counts = counts(of: positives)
    var best: (attribute: Int, part: Double, count: Int)?
    for attribute in counts.indices where counts[attribute] > 0 {
      let (count, other) = (counts[attribute], against[attribute])
      guard other < negatives.count else { continue }
      let part = Double(count) / Double(count + other)
      if part > best?.part ?? 0 || (part == best?.part && count > best?.count ?? 0) {
        best = (attribute, part, count)
      }
    }
    return best?.attribute
  }

  /// The condition without what it does not need.
  private func simplified(_ condition: [Int], _ effect: DeviationEffect) -> [Int] {
    func counterexamples(_ condition: [Int]) -> Int {
      func isOne(_ observation: Observation) -> Bool {
        condition.allSatisfy(observation.has) && !observation.isSilent(about: effect)
      }
      return agreed.count(where: isOne) + differing.count { isOne($0) && !shows($0, effect) }
    }
    var result = condition
    for attribute in condition.sorted(by: { attributes[$0].order > attributes[$1].order }) {
      let shorter = result.filter { $0 != attribute }
      // What a rule is about it names: one without a condition would excuse everything.
      if !shorter.isEmpty, counterexamples(shorter) == counterexamples(result) { result = shorter }
    }
    return result
  }
}
