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

extension Verifier {
  /// Takes the rules of a profile, which must be about the machine at hand.
  ///
  /// The kind of the machine, who walks its tables, the vendor and MAXPHYADDR must be the same. Where
  /// the kernel's or QEMU's version differs, or the processor's name, the rules are taken and each
  /// report says so: what a rule explains is unproved in any case.
  ///
  /// Throws: ``MachineProfileMismatch`` with the first field that differs.
  public mutating func use(_ profile: MachineProfile) throws(MachineProfileMismatch) {
    guard let factory else { return }
    let (given, own) = (profile.identity, factory.identity)
    let vendors = [profile.vendor, factory.vendor].map { $0 == .amd ? "amd" : "intel" }
    let widths = [
      profile.physicalAddressWidth, MachineProfile.believedWidth(factory.physicalAddressWidth),
    ].map { String($0) }
    for (field, expected, found) in [
      ("name", given.name, own.name),
      ("walker", given.walker.rawValue, own.walker.rawValue),
      ("vendor", vendors[0], vendors[1]), ("physical-address-bits", widths[0], widths[1]),
    ] where expected != found {
      throw MachineProfileMismatch(field: field, expected: expected, found: found)
    }
    if own.walker != .tcg, given.hostProcessor != own.hostProcessor {
      throw MachineProfileMismatch(
        field: "host-processor", expected: given.hostProcessor.rawValue,
        found: own.hostProcessor.rawValue)
    }
    knownDeviations = profile.deviations
    usedProfile = given
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
