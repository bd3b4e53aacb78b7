// DeviationSubject: what a rule about a machine may look at, and how accesses differ in it.

public import MMU

/// How an instruction makes its access.
public enum AccessForm: UInt8, CaseIterable, Hashable, Sendable {
  /// In one page, once.
  case plain
  /// As a locked read-modify-write.
  case locked
  /// Over the border of two pages.
  case crossing
}

/// How a walk ended, without the details.
public enum WalkEndKind: UInt8, CaseIterable, Hashable, Sendable {
  /// At a page that allows the access.
  case allowed
  /// At a page that does not.
  case refused
  /// At an entry that is not present, or at a table where no memory is.
  case notPresent
  /// At an entry with a reserved bit.
  case reserved
  /// Before it began.
  case notCanonical

  /// The kind of the end that lets an access have this prediction.
  init(_ end: WalkEnd, _ outcome: AccessOutcome) {
    switch end {
    case .page: if case .success = outcome { self = .allowed } else { self = .refused }
    case .notPresent, .tableOutsideMemory: self = .notPresent
    case .reservedBits: self = .reserved
    case .notCanonical: self = .notCanonical
    }
  }
}

/// An access as rules about machines see it.
public struct DeviationSubject: Hashable, Sendable {
  /// Read, write or fetch.
  public var kind: AccessKind
  /// Which part of the processor's work makes the access.
  public var origin: AccessOrigin
  /// How the instruction makes it.
  public var form: AccessForm
  /// CPL 0 or 3.
  public var privilege: PrivilegeLevel
  /// How the walk ends by the model.
  public var end: WalkEndKind
  /// The rule by which the access fails, or nil where it succeeds or the rule is not known.
  public var rule: ArchitectureRule?
  /// The root entry that the address selects, or nil where it does not matter.
  public var rootIndex: Int?
  /// The table that CR3 points at.
  public var rootLevel: Level
  /// The level of the entry at which the walk ends, or nil where no entry is read or it is not known.
  public var level: Level?
  /// Whether that entry had A before the access, or nil where it is not known.
  public var isAccessed: Bool?

  /// What the model says of an access at the address of `walk`.
  public init(
    _ access: Access, form: AccessForm, privilege: PrivilegeLevel, walk: Walk,
    prediction: AccessPrediction, rootIndex: Int?
  ) {
    kind = access.kind
    origin = access.kind == .fetch ? .instruction : access.origin
    self.form = form
    self.privilege = privilege
    end = WalkEndKind(walk.end, prediction.outcome)
    rule = prediction.blame?.rule
    self.rootIndex = rootIndex
    rootLevel = walk.rootLevel
    let last = walk.stepCount > 0 ? walk.step(walk.stepCount - 1).entry : nil
    level = last?.level
    isAccessed = last.map { $0.rawValue & PageTableEntry.Bit.accessed != 0 }
  }

  /// An access that fails by no rule.
  init(
    _ access: Access, form: AccessForm, privilege: PrivilegeLevel, end: WalkEndKind,
    rootLevel: Level
  ) {
    kind = access.kind
    origin = access.kind == .fetch ? .instruction : access.origin
    self.form = form
    self.privilege = privilege
    self.end = end
    rule = nil
    rootIndex = nil
    self.rootLevel = rootLevel
    level = nil
    isAccessed = nil
  }

  /// An access of which only the outcome is known.
  init(
    _ manner: ProbeManner, address: UInt64, modelled: AccessOutcome, rootLevel: Level
  ) {
    kind = manner.kind
    origin = .instruction
    form = .plain
    privilege = manner.privilege
    switch modelled {
    case .success: end = .allowed
    case .pageFault(let code):
      end = code.contains(.reserved) ? .reserved : code.contains(.present) ? .refused : .notPresent
    case .generalProtection, .stackFault: end = .notCanonical
    }
    rule = nil
    rootIndex = Self.rootIndex(of: address, rootLevel: rootLevel)
    self.rootLevel = rootLevel
    level = nil
    isAccessed = nil
  }

  /// The root entry that a canonical address selects.
  static func rootIndex(of address: UInt64, rootLevel: Level) -> Int? {
    let width: LinearAddressWidth = rootLevel == .pageMapLevel5 ? .bits57 : .bits48
    guard width.isCanonical(address) else { return nil }
    return rootLevel.index(of: LinearAddress(truncating: address, width: width))
  }
}
