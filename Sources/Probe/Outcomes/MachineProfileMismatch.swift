// MachineProfileMismatch: a profile that is about another machine than the one at hand.

import KVM
import MMU

/// Why the rules of a profile say nothing about the machine at hand.
public struct MachineProfileMismatch: Error, Hashable, Sendable {
  /// The member of the profile that differs, as its JSON names it.
  public let field: String
  /// What the profile says.
  public let expected: String
  /// What the machine at hand is.
  public let found: String

  /// What differs.
  public var message: String {
    "'machine.\(field)' is \(expected), and this machine has \(found)"
  }
}

extension MachineProfile {
  /// MAXPHYADDR as it is used, whatever CPUID says.
  static func believedWidth(_ width: UInt8) -> UInt8 { min(52, max(32, width)) }

  /// Adds a remark for each way in which a profile, whose rules are used, is of another version.
  mutating func noteVersions(of used: MachineIdentity) {
    for (what, expected, found) in identity.differences(from: used) {
      remarks.append(
        MachineRemark(
          "profile-of-another-version",
          "the machine profile was made with another version of \(what): \(expected), and this is"
            + " \(found)"))
    }
  }

  /// Adds a remark for each way in which results of another run, which are counted with those of
  /// this machine, are of another version; each remark once.
  mutating func noteResults(of other: MachineIdentity) {
    for (what, found, own) in identity.differences(from: other) {
      let remark = MachineRemark(
        "results-of-several-versions",
        "the results are of several versions of \(what), such as \(own) and \(found)")
      if !remarks.contains(remark) { remarks.append(remark) }
    }
  }

  /// Adds a remark for each rule that a baseline does not have of such a machine.
  mutating func note(_ baseline: Baseline) {
    remarks += baseline.remarks(on: identity)
    let expected = baseline.rules(of: identity)
    for rule in deviations where !expected.contains(where: { $0.covers(rule) }) {
      remarks.append(
        MachineRemark(
          "rule-not-in-baseline",
          "NEW: the baseline does not have the rule of this machine that \(rule.message)"))
    }
  }
}

extension MachineIdentity {
  /// What is of another version, with the other version and this one.
  fileprivate func differences(
    from other: MachineIdentity
  ) -> [(what: String, other: String, own: String)] {
    let all =
      walker == .tcg
      ? [("QEMU", other.programVersion, programVersion)]
      : [
        ("the kernel", other.kernelRelease, kernelRelease),
        ("the processor", other.processorName, processorName),
      ]
    return all.filter { $0.1 != $0.2 }
  }
}

extension Deviation {
  /// True when this rule says of all accesses that `other` covers what that one says.
  func covers(_ other: Deviation) -> Bool {
    condition.allSatisfy(other.condition.contains)
      && (effect == other.effect || effect == .faultsAnyhow && other.effect == .faultsAsNotPresent)
  }
}
