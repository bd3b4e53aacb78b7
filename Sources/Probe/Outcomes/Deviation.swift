// Deviation: a way in which a machine differs from the manual, as a rule.

public import MMU

/// A difference between a machine and the manual: when it shows, and what it is.
///
/// `kvmpt conform` derives such rules from the whole matrix; calibration knows a few by itself.
public struct Deviation: Hashable, Sendable {
  /// What must hold of an access, in the order of ``DeviationAttribute/name``.
  public let condition: [DeviationAttribute]
  /// What the machine does then.
  public let effect: DeviationEffect

  /// A rule; the order of `condition` does not matter.
  public init(when condition: [DeviationAttribute], _ effect: DeviationEffect) {
    self.condition = condition.sorted { ($0.order, $0.value) < ($1.order, $1.value) }
    self.effect = effect
  }

  /// CPL 3 cannot use what this root entry leads to: whatever the tables say, it faults, with P
  /// and RSVD of the error code not to be relied on.
  ///
  /// Known of KVM PVM and entry 256, which the host's kernel keeps for itself.
  public static func rootEntryUnreachableAtUser(index: Int) -> Deviation {
    Deviation(when: [.privilege(.user), .rootEntry(index)], .faultsAnyhow)
  }

  /// A reserved-bit fault is reported without P.
  ///
  /// Known of QEMU TCG.
  public static let reservedBitFaultWithoutPresent = Deviation(
    when: [.end(.reserved)], .errorCodeLacks(PageFaultErrorCode.present.rawValue))
  /// An access that a leaf of this level does not allow sets A in it all the same.
  ///
  /// Known of QEMU TCG and 1 GiB pages.
  public static func faultMarksLeaf(level: Level) -> Deviation {
    Deviation(when: [.end(.refused), .level(level), .accessed(false)], .flags(.accessedExtra))
  }

  /// An access that U/S of an entry at this level stops is reported without PK, whatever the key says.
  ///
  /// Known of QEMU TCG.
  public static func keyNotReported(level: Level) -> Deviation {
    Deviation(
      when: [.rule(.userSupervisor(at: level))],
      .errorCodeLacks(PageFaultErrorCode.protectionKey.rawValue))
  }

  /// The stable name of the rule, the same in every output format.
  public var id: String {
    if self == .reservedBitFaultWithoutPresent { return "reserved-bit-fault-without-present" }
    if case .rootEntry(let index)? = condition.last,
      condition == Self.rootEntryUnreachableAtUser(index: index).condition,
      effect == .faultsAnyhow || effect == .faultsAsNotPresent
    {
      return "root-entry-unreachable-at-user"
    }
    if let level = markedLevel { return "fault-marks-leaf-\(level.rawValue)" }
    let conditions = condition.map { "\($0.name)-\($0.value)" }
    return (conditions + [effect.name] + (effect.number.map { [String($0)] } ?? []))
      .joined(separator: "-")
  }

  /// The rule in words.
  public var message: String {
    if self == .reservedBitFaultWithoutPresent {
      return "the error code of a reserved-bit fault lacks P"
    }
    if id == "root-entry-unreachable-at-user", case .rootEntry(let index)? = condition.last {
      return "CPL 3 cannot use root entry \(index): every access there faults, whatever the tables"
        + " say"
    }
    if let level = markedLevel {
      return "an access that a page does not allow sets A in the \(level.entryName) that maps it"
    }
    return ([effect.words] + condition.map(\.words)).joined(separator: " ")
  }

  /// The level of a rule that ``faultMarksLeaf(level:)`` gives.
  private var markedLevel: Level? {
    Level.allCases.first { self == .faultMarksLeaf(level: $0) }
  }

  /// True when the rule speaks about the access.
  func applies(to subject: DeviationSubject) -> Bool { condition.allSatisfy(subject.has) }

  /// True when a machine with this deviation does `executed` where the model says `modelled`.
  func explains(
    _ executed: ProbeOutcome, insteadOf modelled: AccessOutcome, at address: UInt64,
    _ subject: DeviationSubject
  ) -> Bool {
    guard let response = DeviationResponse(executed, insteadOf: modelled, at: address) else {
      return false
    }
    return applies(to: subject) && effect.allows(response, insteadOf: modelled, subject)
  }

  /// False when the rule cannot be about such an access, as far as can be told without its walk.
  func couldBeAbout(_ manner: ProbeManner, rootIndex: Int?) -> Bool {
    if case .flags = effect { return false }
    return condition.allSatisfy { attribute in
      switch attribute {
      case .privilege(let privilege): privilege == manner.privilege
      case .kind(let kind): kind == manner.kind
      case .rootEntry(let index): index == rootIndex
      case .end, .rule, .origin, .form, .rootLevel, .level, .accessed: true
      }
    }
  }
}
