// AllowedUnproved: the reasons of --allow-unproved.

import ArgumentParser
import Probe

/// The reasons for which something may be unproved without costing the exit code 0.
struct AllowedUnproved: Sendable {
  /// The word for every reason.
  static let everything = "all"

  private let reasons: Set<UnprovedReason>

  /// No reason at all.
  static let none = AllowedUnproved(reasons: [])

  private init(reasons: Set<UnprovedReason>) { self.reasons = reasons }

  /// Reads names that commas separate.
  ///
  /// - Throws: `ValidationError`, which names the reasons that there are.
  init(argument: String) throws {
    var reasons: Set<UnprovedReason> = []
    for name in argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
      if name == Self.everything {
        reasons.formUnion(Self.known)
      } else if let reason = Self.known.first(where: { $0.id == name }) {
        reasons.insert(reason)
      } else {
        throw ValidationError(Self.refusal(of: name))
      }
    }
    self.reasons = reasons
  }

  /// The reasons that can be allowed.
  static let known = UnprovedReason.allCases.filter(\.canBeAllowed)

  private static func refusal(of name: String) -> String {
    if let reason = UnprovedReason(id: name) {
      return "--allow-unproved cannot allow \(quoted(name)): \(reason.message), which has an exit"
        + " code of its own"
    }
    let names = known.map(\.id)
    let near = nearestWord(to: name, among: names).map { "did you mean \(quoted($0))? " } ?? ""
    return "--allow-unproved takes no reason \(quoted(name)): \(near)the reasons are"
      + " \(Self.everything), \(names.joined(separator: ", "))"
  }

  /// True when this does not cost the exit code 0.
  func contains(_ unproved: Unproved) -> Bool { contains(unproved.reason) }

  /// True when nothing that is unproved for this reason costs the exit code 0.
  func contains(_ reason: UnprovedReason) -> Bool { reasons.contains(reason) }
}

extension ExitStatus {
  /// The code of a report about probes.
  init(_ report: any ProofReport, allowing allowed: AllowedUnproved) {
    switch report.verdict(allowing: allowed.contains) {
    case .disagreement: self = .disagreement
    case .interrupted: self = .interrupted
    case .unfinished: self = .timeLimitReached
    case .unproved: self = .unproved
    case .agreement: self = .agreement
    }
  }

  /// The code of a run that was left off for want of a machine.
  init(withoutMachineAllowing allowed: AllowedUnproved) {
    self = allowed.contains(.notRun(.noMachine)) ? .agreement : .unproved
  }
}
