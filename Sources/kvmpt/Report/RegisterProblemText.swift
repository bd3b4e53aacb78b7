// What a register points at and how that is mapped wrongly, in words.

import MMU

extension RegisterProblem {
  /// False where the register points at no memory.
  var hasMemory: Bool { cause != .notCanonical && cause != .notMapped }

  /// The register and what is wrong, in words.
  var words: String {
    let use =
      switch access {
      case .read: "read from"
      case .write: "pushed to"
      case .fetch: "executed"
      }
    return switch cause {
    case .notCanonical: "\(register.rawValue) is not canonical"
    case .notMapped: "\(register.rawValue) points there and nothing is mapped"
    case .notAllowed: "\(register.rawValue) points there and it cannot be \(use)"
    case .writableByUser: "\(register.rawValue) points there and CPL 3 can write to it"
    }
  }
}
