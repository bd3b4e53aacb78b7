// RuleDerivation: a small set of rules that says how a machine differs, from what it did.

import MMU

/// Derives rules from evidence.
///
/// A rule must hold of every case that it speaks about: its condition starts with nothing and
/// gets, one after the other, the attributes that best tell the cases that show the effect from
/// those that do not, until no counter-example is left. Cases that follow the manual and show the
/// effect as well, such as faults that any rule about faults would allow, are kept out where that
/// costs nothing: a rule should not speak about cases that need none. The rule that explains most
/// cases is kept, and the rest is explained in the same way.
///
/// Complexity: differences times evidence; both are small, because cases that rules cannot tell
/// apart are one.
struct RuleDerivation {
  private struct Observation {
    let subject: DeviationSubject
    let modelled: AccessOutcome
    let response: DeviationResponse
    let count: Int
  }

  private let agreed: [Observation]
  private let differing: [Observation]

  init(_ evidence: ConformanceEvidence) {
    let evidence = evidence.withoutIdleRootEntries()
    agreed = evidence.agreed.map { key, count in
      Observation(
        subject: key.subject, modelled: key.modelled,
        response: DeviationResponse(following: key.modelled), count: count)
    }
    differing = evidence.differences.map { difference, record in
      Observation(
        subject: difference.key.subject, modelled: difference.key.modelled,
        response: difference.response, count: record.count)
    }
  }

  /// The rules, the one that explains most first.
  func rules() -> [Deviation] {
    var rules: [Deviation] = []
    var rest = differing
    while !rest.isEmpty {
      let effects = Set(
        rest.flatMap { DeviationEffect.candidates(for: $0.response, insteadOf: $0.modelled) })
      var best: (rule: Deviation, count: Int)?
      for effect in effects.sorted(by: { ($0.order, $0.number ?? 0) < ($1.order, $1.number ?? 0) })
      {
        guard let rule = rule(effect, for: rest) else { continue }
        let count = rest.reduce(0) { $0 + (shows($1, rule) ? $1.count : 0) }
        if count > best?.count ?? 0 { best = (rule, count) }
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

  /// A rule with `effect` for some of `rest`, or nil when nothing tells them from the others.
  private func rule(_ effect: DeviationEffect, for rest: [Observation]) -> Deviation? {
    var positives = rest.filter { shows($0, effect) }
    var negatives = (agreed + differing).filter { !shows($0, effect) }
    var idle = agreed.filter { shows($0, effect) }
    var condition: [DeviationAttribute] = []
    while !negatives.isEmpty || !idle.isEmpty {
      guard let attribute = best(positives, negatives + idle) else {
        if negatives.isEmpty { break }
        return nil
      }
      if negatives.isEmpty, positives.contains(where: { !$0.subject.has(attribute) }) { break }
      condition.append(attribute)
      positives.removeAll { !$0.subject.has(attribute) }
      negatives.removeAll { !$0.subject.has(attribute) }
      idle.removeAll { !$0.subject.has(attribute) }
    }
    guard !positives.isEmpty else { return nil }
    return Deviation(when: simplified(condition, effect), effect)
  }

  /// The attribute that leaves the largest part of positives, among those that help at all.
  private func best(
    _ positives: [Observation], _ negatives: [Observation]
  ) -> DeviationAttribute? {
    var counts: [DeviationAttribute: Int] = [:]
    for positive in positives {
      for attribute in positive.subject.attributes { counts[attribute, default: 0] += 1 }
    }
    var best: (attribute: DeviationAttribute, part: Double, count: Int)?
    for (attribute, count) in counts.sorted(by: {
      ($0.key.order, $0.key.value) < ($1.key.order, $1.key.value)
    }) {
      let against = negatives.count { $0.subject.has(attribute) }
      guard against < negatives.count else { continue }
      let part = Double(count) / Double(count + against)
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
      agreed.count { $0.subject.hasAll(condition) }
        + differing.count { !shows($0, effect) && $0.subject.hasAll(condition) }
    }
    var result = condition
    for attribute in condition.sorted(by: { $0.order > $1.order }) {
      let shorter = result.filter { $0 != attribute }
      if counterexamples(shorter) == counterexamples(result) { result = shorter }
    }
    return result
  }
}
