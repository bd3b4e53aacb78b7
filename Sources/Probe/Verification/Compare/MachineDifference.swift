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

/// The answers of one machine that are not the model's, of which a million are kept.
struct OtherAnswers: Sendable {
  /// So many are kept: a run of every page of a large image may have any number.
  static let keptCount = 1 << 20

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
  /// The number of those that were not kept.
  private(set) var droppedCount = 0
  private let limit: Int

  init(limit: Int = Self.keptCount) { self.limit = limit }

  mutating func add(_ verdict: ProbeVerdict) {
    guard !verdict.modelled.agrees(with: verdict.executed, address: verdict.address) else { return }
    let key = Key(
      address: verdict.askedAddress, manner: verdict.manner, subject: verdict.page.subject)
    keep(Answer(modelled: verdict.modelled, executed: verdict.executed), of: key)
  }

  private mutating func keep(_ answer: Answer, of key: Key) {
    guard answers.count < limit || answers[key] != nil else {
      droppedCount += 1
      return
    }
    answers[key] = answer
  }

  mutating func merge(_ other: OtherAnswers) {
    droppedCount = droppedCount.clampedSum(other.droppedCount)
    for (key, answer) in other.answers where answers[key] == nil { keep(answer, of: key) }
  }

  /// At most so many answers cannot be held against `other`'s, because one of the two did not keep all
  /// that are not the model's.
  func uncomparedCount(with other: OtherAnswers) -> Int {
    droppedCount.clampedSum(other.droppedCount).clampedSum(
      (other.droppedCount > 0 ? answers.keys.count { other.answers[$0] == nil } : 0)
        + (droppedCount > 0 ? other.answers.keys.count { answers[$0] == nil } : 0))
  }

  /// The probes that both machines answered, and not alike, by address; those that
  /// ``uncomparedCount(with:)`` counts are not among them.
  func differences(from other: OtherAnswers) -> [MachineDifference] {
    let keys = Set(answers.keys).union(other.answers.keys)
    return keys.compactMap { key -> MachineDifference? in
      // What a full list lacks may be the model's answer, or not.
      if answers[key] == nil, droppedCount > 0 { return nil }
      if other.answers[key] == nil, other.droppedCount > 0 { return nil }
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
