// DeviationAttribute: one thing that must hold of an access for a rule about a machine to apply.

public import MMU

/// A property of an access.
public enum DeviationAttribute: Hashable, Sendable {
  /// How the walk ends.
  case end(WalkEndKind)
  /// The rule of the architecture that denies the access.
  case rule(ArchitectureRule)
  /// The CPL, as a mode.
  case privilege(PrivilegeLevel)
  /// Read, write or fetch.
  case kind(AccessKind)
  /// Explicit or implicit.
  case origin(AccessOrigin)
  /// The instruction that makes the access, as far as it matters.
  case form(AccessForm)
  /// 4 or 5 levels.
  case rootLevel(Level)
  /// The level of the entry at which the walk ends.
  case level(Level)
  /// Whether the entry at which the walk ends had A before.
  case accessed(Bool)
  /// The index in the root table.
  case rootEntry(Int)

  /// The place in the order in which rules name their attributes, and prefer them.
  var order: Int {
    switch self {
    case .end: 0
    case .rule: 1
    case .privilege: 2
    case .kind: 3
    case .origin: 4
    case .form: 5
    case .rootLevel: 6
    case .level: 7
    case .accessed: 8
    case .rootEntry: 9
    }
  }

  /// The stable name of the attribute, such as `cpl`.
  public var name: String {
    switch self {
    case .end: "walk"
    case .rule: "rule"
    case .privilege: "cpl"
    case .kind: "access"
    case .origin: "origin"
    case .form: "form"
    case .rootLevel: "levels"
    case .level: "level"
    case .accessed: "accessed"
    case .rootEntry: "root-entry"
    }
  }

  /// The stable name of the value, such as `3`.
  public var value: String {
    switch self {
    case .end(let end): Self.ends[Int(end.rawValue)]
    case .rule(let rule): rule.id
    case .privilege(let privilege): String(privilege.rawValue)
    case .kind(let kind): Self.kinds[Int(kind.rawValue)]
    case .origin(let origin): Self.origins[Int(origin.rawValue)]
    case .form(let form): Self.forms[Int(form.rawValue)]
    case .rootLevel(let level), .level(let level): String(level.rawValue)
    case .accessed(let isSet): isSet ? "1" : "0"
    case .rootEntry(let index): String(index)
    }
  }

  private static let ends = ["allowed", "refused", "not-present", "reserved", "not-canonical"]
  private static let kinds = ["read", "write", "fetch"]
  private static let origins = ["instruction", "stack", "implicit-supervisor"]
  private static let forms = ["plain", "locked", "crossing"]

  /// The attribute with these names, or nil.
  public init?(name: String, value: String) {
    func index(_ names: [String]) -> UInt8? { names.firstIndex(of: value).map { UInt8($0) } }
    let found: DeviationAttribute? =
      switch name {
      case "walk": index(Self.ends).flatMap(WalkEndKind.init(rawValue:)).map { .end($0) }
      case "rule": ArchitectureRule.allCases.first { $0.id == value }.map { .rule($0) }
      case "cpl": UInt8(value).flatMap(PrivilegeLevel.init(rawValue:)).map { .privilege($0) }
      case "access": index(Self.kinds).flatMap(AccessKind.init(rawValue:)).map { .kind($0) }
      case "origin": index(Self.origins).flatMap(AccessOrigin.init(rawValue:)).map { .origin($0) }
      case "form": index(Self.forms).flatMap(AccessForm.init(rawValue:)).map { .form($0) }
      case "levels":
        UInt8(value).flatMap(Level.init(rawValue:)).flatMap { level in
          level >= .pageMapLevel4 ? .rootLevel(level) : nil
        }
      case "level": UInt8(value).flatMap(Level.init(rawValue:)).map { .level($0) }
      case "accessed": ["0": false, "1": true][value].map { .accessed($0) }
      case "root-entry":
        Int(value).flatMap { (0..<512).contains($0) ? .rootEntry($0) : nil }
      default: nil
      }
    guard let found else { return nil }
    self = found
  }

  /// The attribute in words, as part of a sentence.
  var words: String {
    switch self {
    case .end(.allowed): "where the tables allow the access"
    case .end(.refused): "where the page does not allow the access"
    case .end(.notPresent): "where an entry is not present"
    case .end(.reserved): "where a reserved bit is set"
    case .end(.notCanonical): "at an address that is not canonical"
    case .rule(let rule): "by the rule that \(rule.title)"
    case .privilege(let privilege): "at CPL \(privilege.rawValue)"
    case .kind(let kind): "by a \(kind.label)"
    case .origin(.instruction): "by an operand outside of the stack"
    case .origin(.stack): "by a stack access"
    case .origin(.implicitSupervisor): "by a descriptor read"
    case .form(.plain): "within a page"
    case .form(.locked): "by a locked operation"
    case .form(.crossing): "across two pages"
    case .rootLevel(let level): "with \(level.rawValue) levels"
    case .level(let level): "at a \(level.entryName)"
    case .accessed(let isSet): "with A \(isSet ? "set" : "clear")"
    case .rootEntry(let index): "below root entry \(index)"
    }
  }
}

extension DeviationSubject {
  /// Everything that holds of the access.
  var attributes: [DeviationAttribute] {
    var all: [DeviationAttribute] = [.end(end)]
    if let rule { all.append(.rule(rule)) }
    all += [.privilege(privilege), .kind(kind), .origin(origin), .form(form)]
    all.append(.rootLevel(rootLevel))
    if let level { all.append(.level(level)) }
    if let isAccessed { all.append(.accessed(isAccessed)) }
    if let rootIndex { all.append(.rootEntry(rootIndex)) }
    return all
  }

  /// True when all of `condition` holds of the access.
  func hasAll(_ condition: [DeviationAttribute]) -> Bool { condition.allSatisfy(has) }

  /// True when `attribute` holds of the access.
  func has(_ attribute: DeviationAttribute) -> Bool {
    switch attribute {
    case .end(let end): self.end == end
    case .rule(let rule): self.rule == rule
    case .privilege(let privilege): self.privilege == privilege
    case .kind(let kind): self.kind == kind
    case .origin(let origin): self.origin == origin
    case .form(let form): self.form == form
    case .rootLevel(let level): rootLevel == level
    case .level(let level): self.level == level
    case .accessed(let isSet): isAccessed == isSet
    case .rootEntry(let index): rootIndex == index
    }
  }
}
