// MachineDifference: one probe that two machines answered differently.

public import MMU

/// A probe that two machines answered differently.
public struct MachineDifference: Hashable, Sendable {
  /// The linear address that was asked about.
  public let address: UInt64
  /// How it was used.
  public let manner: ProbeManner
  /// What the page stands for.
  public let subject: ProbeSubject
  /// What the manual says about the bytes.
  public let modelled: AccessOutcome
  /// What the first machine did; nil where that is what the manual says.
  public let first: ProbeOutcome?
  /// What the second machine did; nil where that is what the manual says.
  public let second: ProbeOutcome?
}

/// The answers of one machine that are not the model's.
struct OtherAnswers: Sendable {
  /// One probe.
  struct Key: Hashable, Sendable {
    let address: UInt64
    let manner: ProbeManner
    let subject: ProbeSubject
  }

  /// What a probe came to.
  struct Answer: Sendable {
    let modelled: AccessOutcome
    let executed: ProbeOutcome
  }

  private(set) var answers: [Key: Answer] = [:]

  mutating func add(_ verdict: ProbeVerdict) {
    guard !verdict.modelled.agrees(with: verdict.executed, address: verdict.address) else { return }
    let key = Key(
      address: verdict.askedAddress, manner: verdict.manner, subject: verdict.page.subject)
    answers[key] = Answer(modelled: verdict.modelled, executed: verdict.executed)
  }

  mutating func merge(_ other: OtherAnswers) {
    answers.merge(other.answers) { first, _ in first }
  }

  /// The probes that both machines answered, and not alike, by address.
  func differences(from other: OtherAnswers) -> [MachineDifference] {
    let keys = Set(answers.keys).union(other.answers.keys)
    return keys.compactMap { key -> MachineDifference? in
      let (first, second) = (answers[key], other.answers[key])
      guard let modelled = first?.modelled ?? second?.modelled,
        !(first?.isMissing ?? false), !(second?.isMissing ?? false),
        first?.executed != second?.executed
      else { return nil }
      return MachineDifference(
        address: key.address, manner: key.manner, subject: key.subject, modelled: modelled,
        first: first?.executed, second: second?.executed)
    }.sorted { ($0.address, $0.manner.index) < ($1.address, $1.manner.index) }
  }
}

extension OtherAnswers.Answer {
  /// True when the machine was not asked.
  fileprivate var isMissing: Bool {
    if case .notRun = executed { return true }
    return false
  }
}
