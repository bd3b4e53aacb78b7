// HostileCall: a function of the public surface with arguments that break it if anything does.

/// One call, and the declarations that it goes through.
struct HostileCall: Sendable {
  /// The declarations as a symbol graph names them, with the module in front.
  let names: [String]
  /// How often it is made: in one round out of so many.
  let interval: Int
  /// Makes the call; a thrown error is an answer like any other.
  let run: @Sendable (inout HostileValues) throws -> Void

  init(
    _ names: String..., every interval: Int = 1,
    run: @escaping @Sendable (inout HostileValues) throws -> Void
  ) {
    self.names = names
    self.interval = interval
    self.run = run
  }

  /// Every call there is.
  static let all: [HostileCall] =
    addresses + walks + listings + cures + memory + frames + tables + cursors
    + nodes + live + kvm + spaces + ranges + evidence + baselines + machines + verifiers
}

/// Keeps a value from being optimized away, and makes its description.
@inline(never)
func touch<Value>(_ value: Value) {
  var sink = LengthSink()
  print(value, to: &sink)
}

/// A stream that keeps nothing.
private struct LengthSink: TextOutputStream {
  mutating func write(_ string: String) {}
}
