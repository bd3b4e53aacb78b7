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
/// Complexity: kinds of differences times kinds of cases; both are small, because cases that rules
/// cannot tell apart are one.
struct RuleDerivation {
  private struct Observation {
    let subject: DeviationSubject
    let modelled: AccessOutcome
    let response: DeviationResponse
    let count: Int

    /// True when the case says nothing for or against `effect`: bits that the model does not give
    /// cannot be missing, and where the outcome differs, A and D were not compared.
    func isSilent(about effect: DeviationEffect) -> Bool {
      switch effect {
      case .errorCodeLacks(let bits):
        guard case .pageFault(let code) = modelled else { return true }
        return code.rawValue & bits != bits
      case .errorCodeHas(let bits):
        guard case .pageFault(let code) = modelled else { return true }
        return code.rawValue & bits != 0
      case .flags:
        if case .flags = response { return false }
        return response != DeviationResponse(following: modelled)
      case .exception, .succeeds, .faultsAsNotPresent, .faultsAnyhow: return false
      }
    }
  }

  private let agreed: [Observation]
  private var differing: [Observation]
  /// When the search ends with the rules that it has.
  private let deadline: ContinuousClock.Instant?

  /// Takes the evidence that `known` does not explain.
  init(
    _ evidence: ConformanceEvidence, knowing known: [Deviation] = [],
    deadline: ContinuousClock.Instant? = nil
  ) {
    self.deadline = deadline
    let evidence = evidence.withoutIdleRootEntries()
    agreed = evidence.agreed.map { key, count in
      Observation(
        subject: key.subject, modelled: key.modelled,
        response: DeviationResponse(following: key.modelled), count: count)
    }
    differing = evidence.differences.compactMap { difference, record in
      let (subject, modelled) = (difference.key.subject, difference.key.modelled)
      let isKnown = known.contains {
        $0.applies(to: subject)
          && $0.effect.allows(difference.response, insteadOf: modelled, subject)
      }
      return isKnown
        ? nil
        : Observation(
          subject: subject, modelled: modelled, response: difference.response,
          count: record.count)
    }
  }

  /// The rules, the one that explains most first.
  ///
  /// A rule that has exceptions cannot be told by a condition; but where another rule says what the
  /// exceptions do, they are none. So each rule is tried as one that goes before all others.
  func rules() -> [Deviation] {
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

  /// True when the rules may not be all that there are.
  var isOutOfTime: Bool { deadline.map { ContinuousClock.now >= $0 } ?? false }

  private func derived() -> [Deviation] {
    var rules: [Deviation] = []
    var rest = differing
    while !rest.isEmpty {
      let effects = Set(
        rest.flatMap { DeviationEffect.candidates(for: $0.response, insteadOf: $0.modelled) })
      var best: (rule: Deviation, count: Int)?
      for effect in effects.sorted(by: { ($0.order, $0.number ?? 0) < ($1.order, $1.number ?? 0) })
      {
        let positives = rest.filter { shows($0, effect) }
        for start in [nil] + attributes(of: positives) {
          if isOutOfTime { return rules }
          guard let rule = rule(effect, from: start, for: positives) else { continue }
          let count = positives.reduce(0) { $0 + (rule.applies(to: $1.subject) ? $1.count : 0) }
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

  /// A rule with `effect` for some of `positives`, which have `start`, or nil when nothing tells
  /// them from others.
  private func rule(
    _ effect: DeviationEffect, from start: DeviationAttribute?, for positives: [Observation]
  ) -> Deviation? {
    var positives = positives
    var negatives = (agreed + differing).filter {
      !shows($0, effect) && !$0.isSilent(about: effect)
    }
    var idle = agreed.filter { shows($0, effect) }
    var condition: [DeviationAttribute] = []
    func add(_ attribute: DeviationAttribute) {
      condition.append(attribute)
      positives.removeAll { !$0.subject.has(attribute) }
      negatives.removeAll { !$0.subject.has(attribute) }
      idle.removeAll { !$0.subject.has(attribute) }
    }
    if let start { add(start) }
    while !negatives.isEmpty {
      guard let attribute = best(positives, negatives) else { return nil }
      add(attribute)
    }
    while !idle.isEmpty, let attribute = best(positives, idle),
      positives.allSatisfy({ $0.subject.has(attribute) })
    {
      add(attribute)
    }
    guard !positives.isEmpty else { return nil }
    switch effect {
    case .faultsAsNotPresent, .faultsAnyhow:
      // Whatever the tables say includes what allows the access.
      guard positives.contains(where: { if case .success = $0.modelled { true } else { false } })
      else { return nil }
    case .errorCodeLacks, .errorCodeHas, .exception, .succeeds, .flags: break
    }
    return Deviation(when: simplified(condition, effect), effect)
  }

  private func attributes(of observations: [Observation]) -> [DeviationAttribute] {
    counts(of: observations).keys.sorted { ($0.order, $0.value) < ($1.order, $1.value) }
  }

  private func counts(of observations: [Observation]) -> [DeviationAttribute: Int] {
    var counts: [DeviationAttribute: Int] = [:]
    for observation in observations {
      for attribute in observation.subject.attributes { counts[attribute, default: 0] += 1 }
    }
    return counts
  }

  /// The attribute that leaves the largest part of positives, among those that help at all.
  private func best(
    _ positives: [Observation], _ negatives: [Observation]
  ) -> DeviationAttribute? {
    let against = counts(of: negatives)
    let counts = counts(of: positives)
    var best: (attribute: DeviationAttribute, part: Double, count: Int)?
    for attribute in attributes(of: positives) {
      let (count, other) = (counts[attribute] ?? 0, against[attribute] ?? 0)
      guard other < negatives.count else { continue }
      let part = Double(count) / Double(count + other)
      if part > best?.part ?? 0 || (part == best?.part && count > best?.count ?? 0) {
        best = (attribute, part, count)
      }
    }
    return best?.attribute
  }

  /// The condition without what it does not need.
  private func simplified(
    _ condition: [DeviationAttribute], _ effect: DeviationEffect
  ) -> [DeviationAttribute] {
    func counterexamples(_ condition: [DeviationAttribute]) -> Int {
      func isOne(_ observation: Observation) -> Bool {
        !observation.isSilent(about: effect) && observation.subject.hasAll(condition)
      }
      return agreed.count(where: isOne) + differing.count { !shows($0, effect) && isOne($0) }
    }
    var result = condition
    for attribute in condition.sorted(by: { $0.order > $1.order }) {
      let shorter = result.filter { $0 != attribute }
      if counterexamples(shorter) == counterexamples(result) { result = shorter }
    }
    return result
  }
}
