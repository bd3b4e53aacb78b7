// Environment: what the caller of the tests asks for.

import Glibc

/// Variables of the process's environment.
enum Environment {
  /// The value of a variable, or nil when it is not set.
  static func value(of name: String) -> String? {
    // SAFETY: getenv answers nil or a zero-terminated string that lives as long as the process,
    // and the tests never change the environment.
    unsafe getenv(name).map { unsafe String(cString: $0) }
  }
}
