// NumberArgument: an address or another number of up to 64 bits on the command line.

import ArgumentParser

/// A number such as `0xffff_8000_0000_0000`, which ``PastedNumber`` reads.
struct NumberArgument: Sendable {
  let value: UInt64
}

/// A state that can be named on the command line.
enum SwitchArgument: String, ExpressibleByArgument, CaseIterable, Sendable {
  case on, off

  var isOn: Bool { self == .on }
}
