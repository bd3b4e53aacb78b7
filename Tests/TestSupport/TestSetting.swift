// TestSetting: what the caller of the tests asks for by variables of the environment.

internal import Glibc

/// Variables of the process's environment, which the tests never change.
public enum TestSetting {
  /// The text of a variable, or nil when it is not set.
  public static func text(_ name: String) -> String? {
    // SAFETY: getenv answers nil or a zero-terminated string that lives as long as the process, and
    // the tests never change the environment.
    unsafe getenv(name).map { unsafe String(cString: $0) }
  }

  /// The number of a variable, or nil when it is not set.
  ///
  /// - Precondition: what is set is a number; a typing error must not pass for the default.
  public static func number(_ name: String) -> UInt64? {
    text(name).map { text in
      guard let number = UInt64(text) else { preconditionFailure("\(name) is no number: \(text)") }
      return number
    }
  }

  /// `KVMPT_SEED`: the seed of a test's random cases.
  public static var seed: UInt64? { number("KVMPT_SEED") }

  /// True when `KVMPT_FULL_TESTS` is 1: tests of large spaces go through all of them.
  public static let isFull = text("KVMPT_FULL_TESTS") == "1"

  /// `full` where tests are to be full, otherwise `share`, which a few minutes are enough for.
  public static func depth<Depth>(_ share: Depth, full: Depth) -> Depth { isFull ? full : share }

  /// `KVMPT_TURN`: which share of a space is gone through where tests are not to be full; 0 when it is not
  /// set.
  public static let turn = Int(truncatingIfNeeded: (number("KVMPT_TURN") ?? 0) & 0xffff_ffff)

  /// One element of each `count`, from the one whose turn it is, and all where tests are to be full.
  ///
  /// Whoever counts `KVMPT_TURN` up goes through all.
  public static func share<Element>(_ elements: [Element], oneIn count: Int) -> [Element] {
    if isFull { return elements }
    return elements.enumerated().filter { $0.offset % count == turn % count }.map(\.element)
  }
}
