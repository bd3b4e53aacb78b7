// Baseline: the rules by which machines are known to differ from the manual, walker by walker.

public import KVM

/// What is known of machines of one kind: who walks the tables, and by whose hands.
public struct BaselineMachine: Hashable, Sendable {
  /// Who walks the tables.
  public var walker: TableWalker
  /// What the host's own processor is; for QEMU's emulator it does not matter.
  public var hostProcessor: HostProcessor
  /// The rules that are expected; none where the machine follows the manual.
  public var rules: [BaselineRule]
  /// The versions on which it was tried, or nil where nobody had such a machine yet.
  public var versions: ClosedRange<ReleaseNumber>?
  /// Who tried it, and how.
  public var source: String

  /// Takes the parts as they are.
  public init(
    walker: TableWalker, hostProcessor: HostProcessor, rules: [BaselineRule],
    versions: ClosedRange<ReleaseNumber>?, source: String
  ) {
    self.walker = walker
    self.hostProcessor = hostProcessor
    self.rules = rules
    self.versions = versions
    self.source = source
  }

  /// True when `identity` is a machine of this kind.
  public func isAbout(_ identity: MachineIdentity) -> Bool {
    guard walker == identity.walker else { return false }
    return walker == .tcg || hostProcessor == identity.hostProcessor
  }
}

/// A rule that is expected of a kind of machine.
public struct BaselineRule: Hashable, Sendable {
  /// The rule.
  public var rule: Deviation
  /// The versions on which it was seen.
  public var versions: ClosedRange<ReleaseNumber>
  /// Where it was seen, or what says it.
  public var source: String

  /// Takes the parts as they are.
  public init(rule: Deviation, versions: ClosedRange<ReleaseNumber>, source: String) {
    self.rule = rule
    self.versions = versions
    self.source = source
  }
}

/// The rules expected of all kinds of machines.
public struct Baseline: Hashable, Sendable {
  /// What is known, at most once for each kind.
  public var machines: [BaselineMachine]

  /// Takes the parts as they are.
  public init(machines: [BaselineMachine]) { self.machines = machines }

  /// What is known of a machine, or nil when nothing is.
  public func machine(_ identity: MachineIdentity) -> BaselineMachine? {
    machines.first { $0.isAbout(identity) }
  }

  /// The rules expected of a machine.
  public func rules(of identity: MachineIdentity) -> [Deviation] {
    machine(identity)?.rules.map(\.rule) ?? []
  }

  /// What a reader must know about the comparison of `identity` with the baseline: that nobody tried
  /// such a machine, or not this version of it.
  public func remarks(on identity: MachineIdentity) -> [MachineRemark] {
    guard let known = machine(identity), let versions = known.versions else {
      return [
        MachineRemark(
          "walker-not-in-baseline",
          "the baseline knows no machine whose tables are walked by \(identity.walkerWords)")
      ]
    }
    guard let release = identity.release else {
      return [
        MachineRemark(
          "version-unknown",
          "the version of \(identity.releaseSubject) is not known; the baseline is about"
            + " \(versions.words)")
      ]
    }
    if versions.contains(release) { return [] }
    return [
      MachineRemark(
        "version-not-in-baseline",
        "the baseline is about \(identity.releaseSubject) \(versions.words), and this is \(release)"
      )
    ]
  }

  /// The baseline with what was seen of a machine: rules that it did not have are added, and the
  /// ranges of versions grow by this one.
  public func adding(
    _ seen: [Deviation], of identity: MachineIdentity, source: String
  ) -> Baseline {
    let release = identity.release ?? ReleaseNumber([0])
    var result = self
    var machine =
      machine(identity)
      ?? BaselineMachine(
        walker: identity.walker,
        hostProcessor: identity.walker == .tcg ? .silicon : identity.hostProcessor, rules: [],
        versions: nil, source: source)
    if machine.versions == nil { machine.source = source }
    machine.versions = machine.versions.map { $0.including(release) } ?? release...release
    for rule in seen.map(\.asExpected) {
      if let index = machine.rules.firstIndex(where: { $0.rule == rule }) {
        machine.rules[index].versions = machine.rules[index].versions.including(release)
      } else {
        machine.rules.append(
          BaselineRule(rule: rule, versions: release...release, source: source))
      }
    }
    if let index = result.machines.firstIndex(where: { $0.isAbout(identity) }) {
      result.machines[index] = machine
    } else {
      result.machines.append(machine)
    }
    return result
  }
}

extension Deviation {
  /// The rule as other runs may show it: which reason a fault gives that comes whatever the tables say
  /// is not to be relied on, so that one run sees no P or RSVD where the next one does.
  var asExpected: Deviation {
    guard effect == .faultsAsNotPresent, id == "root-entry-unreachable-at-user" else { return self }
    return Deviation(when: condition, .faultsAnyhow)
  }
}

extension MachineIdentity {
  /// Whose version decides what the machine does: QEMU's, or the kernel's.
  public var releaseSubject: String { walker == .tcg ? "QEMU" : "Linux" }

  /// That version, or nil where the machine does not say.
  public var release: ReleaseNumber? {
    ReleaseNumber(text: walker == .tcg ? programVersion : kernelRelease)
  }
}
