// EvidenceText: what evidence says, as lines of text, so that results can be written and read again.

import MMU

extension EvidenceKey {
  /// Such as `walk=reserved cpl=3 access=read … modelled=0x9`.
  public var text: String {
    let attributes = subject.attributes.map { "\($0.name)=\($0.value)" }
    return (attributes + ["modelled=\(modelled.code)"]).joined(separator: " ")
  }

  /// Reads what ``text`` wrote, or nil.
  public init?(text: String) {
    var found: [DeviationAttribute] = []
    var outcome: AccessOutcome?
    for word in text.split(separator: " ") {
      let parts = word.split(separator: "=", maxSplits: 1)
      guard parts.count == 2 else { return nil }
      if parts[0] == "modelled" {
        outcome = AccessOutcome(code: String(parts[1]))
      } else {
        guard let attribute = DeviationAttribute(name: String(parts[0]), value: String(parts[1]))
        else { return nil }
        found.append(attribute)
      }
    }
    guard let outcome, let subject = DeviationSubject(found) else { return nil }
    self.init(subject, modelled: outcome)
  }
}

extension DeviationSubject {
  /// Puts attributes together; nil when one that every access has is missing.
  init?(_ attributes: [DeviationAttribute]) {
    var end: WalkEndKind?
    var privilege: PrivilegeLevel?
    var kind: AccessKind?
    var origin: AccessOrigin?
    var form: AccessForm?
    var rootLevel: Level?
    var isAccessed: Bool?
    var level: Level?
    var rule: ArchitectureRule?
    var rootIndex: Int?
    for attribute in attributes {
      switch attribute {
      case .end(let value): end = value
      case .privilege(let value): privilege = value
      case .kind(let value): kind = value
      case .origin(let value): origin = value
      case .form(let value): form = value
      case .rootLevel(let value): rootLevel = value
      case .level(let value): level = value
      case .accessed(let value): isAccessed = value
      case .rule(let value): rule = value
      case .rootEntry(let value): rootIndex = value
      }
    }
    guard let end, let privilege, let kind, let origin, let form, let rootLevel else { return nil }
    self.init(
      Access(kind, origin: origin), form: form, privilege: privilege, end: end,
      rootLevel: rootLevel)
    self.level = level
    self.isAccessed = isAccessed
    self.rule = rule
    self.rootIndex = rootIndex
  }
}

extension AccessOutcome {
  /// `success`, `gp`, `ss`, or the error code of a page fault.
  var code: String {
    switch self {
    case .success: "success"
    case .pageFault(let code): "0x" + String(code.rawValue, radix: 16)
    case .generalProtection: "gp"
    case .stackFault: "ss"
    }
  }

  init?(code: String) {
    switch code {
    case "success": self = .success(GuestPhysicalAddress(truncating: 0))
    case "gp": self = .generalProtection
    case "ss": self = .stackFault
    default:
      guard let number = errorCode(code) else { return nil }
      self = .pageFault(PageFaultErrorCode(rawValue: number))
    }
  }
}

private func errorCode(_ text: String) -> UInt32? {
  text.hasPrefix("0x") ? UInt32(text.dropFirst(2), radix: 16) : nil
}

extension DeviationResponse {
  /// Such as `page-fault 0x9`.
  public var text: String {
    switch self {
    case .success: "success"
    case .wrongPage: "wrong-page"
    case .pageFault(let code): "page-fault 0x" + String(code, radix: 16)
    case .wrongAddress(let code): "wrong-cr2 0x" + String(code, radix: 16)
    case .exception(let vector, let code): "exception \(vector) 0x" + String(code, radix: 16)
    case .lost(let death): "lost \(death.id)"
    case .flags(let difference): "flags \(difference.rawValue)"
    }
  }

  /// Reads what ``text`` wrote, or nil.
  public init?(text: String) {
    let words = text.split(separator: " ").map(String.init)
    switch (words.first, words.count) {
    case ("success", 1): self = .success
    case ("wrong-page", 1): self = .wrongPage
    case ("page-fault", 2):
      guard let code = errorCode(words[1]) else { return nil }
      self = .pageFault(code)
    case ("wrong-cr2", 2):
      guard let code = errorCode(words[1]) else { return nil }
      self = .wrongAddress(code)
    case ("exception", 3):
      guard let vector = UInt8(words[1]), let code = errorCode(words[2]) else { return nil }
      self = .exception(vector: vector, errorCode: code)
    case ("lost", 2):
      let deaths: [GuestDeath] = [.shutdown, .hang, .emulationFailure, .agentOverwritten]
      self = .lost(deaths.first { $0.id == words[1] } ?? .unexpectedExit(words[1]))
    case ("flags", 2):
      guard let bits = UInt8(words[1]) else { return nil }
      self = .flags(FlagDifference(rawValue: bits))
    default: return nil
    }
  }
}
