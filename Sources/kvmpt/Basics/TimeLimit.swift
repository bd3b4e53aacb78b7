// TimeLimit: durations on the command line.

import ArgumentParser

/// A time such as `30s`, `500ms`, `2m` or `30`.
struct TimeLimit: ExpressibleByArgument, Sendable {
  let duration: Duration

  init(_ duration: Duration) { self.duration = duration }

  init?(argument: String) {
    let units: [(suffix: String, milliseconds: Int64)] = [
      ("ms", 1), ("s", 1000), ("m", 60_000), ("", 1000),
    ]
    for unit in units where argument.hasSuffix(unit.suffix) {
      let digits = argument.dropLast(unit.suffix.count)
      guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
        let number = Int64(digits), number > 0
      else { continue }
      // A day is longer than any run; it keeps sums far from overflow.
      let (product, overflow) = number.multipliedReportingOverflow(by: unit.milliseconds)
      guard !overflow, product <= 86_400_000 else { return nil }
      duration = .milliseconds(product)
      return
    }
    return nil
  }

  var defaultValueDescription: String { "\(duration.components.seconds)s" }

  /// The time as it is given, in whole seconds or minutes.
  var argumentText: String {
    let seconds = duration.components.seconds
    return seconds >= 120 && seconds % 60 == 0 ? "\(seconds / 60)m" : "\(seconds)s"
  }
}
