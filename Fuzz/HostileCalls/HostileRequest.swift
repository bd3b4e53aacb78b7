// HostileRequest: what the command line asks for.

import Glibc

/// What the command line asks for.
enum HostileRequest {
  /// So many calls, from a seed.
  case calls(Int, seed: UInt64)
  /// To compare the calls with the symbol graphs in a folder.
  case surface(String)

  /// Nil for a command line that says something else.
  init?(_ arguments: [String]) {
    var count = 10_000
    var seed = UInt64(time(nil))
    var folder: String?
    var rest = arguments[...]
    while let option = rest.popFirst() {
      guard let value = rest.popFirst() else { return nil }
      switch option {
      case "--count":
        guard let number = Int(value), number >= 1 else { return nil }
        count = number
      case "--seed":
        guard let number = UInt64(value) else { return nil }
        seed = number
      case "--surface": folder = value
      default: return nil
      }
    }
    self = folder.map { .surface($0) } ?? .calls(count, seed: seed)
  }
}
