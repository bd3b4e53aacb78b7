// QMPClient: commands to a running QEMU, and what it answers.

/// A connection to QEMU's machine protocol that has left its negotiation.
///
/// Source: QEMU documentation, "QEMU Machine Protocol Specification".
final class QMPClient {
  private let connection: Connection
  private var commandCount = 0
  /// How long an answer may take.
  private static let limit: Duration = .seconds(10)

  /// Connects to `address`.
  ///
  /// - Throws: ``LiveSourceError``.
  init(_ address: String) throws(LiveSourceError) {
    connection = try Connection(address)
    let deadline = ContinuousClock.now + Self.limit
    let greeting = QMPAnswer(
      try connection.receive(upTo: 0x0a, deadline, expected: "QMP's greeting"))
    guard greeting.has("QMP") else {
      throw .broken(address: address, reason: "what answers is no QMP of QEMU")
    }
    _ = try execute("qmp_capabilities")
  }

  /// The process that listens at the other end, where that is known.
  var process: Int32? { connection.peerProcess }

  /// Executes a command; `arguments` is JSON.
  ///
  /// - Returns: the line of the answer.
  ///
  /// - Throws: ``LiveSourceError``.
  @discardableResult
  func execute(_ command: String, _ arguments: String? = nil) throws(LiveSourceError) -> QMPAnswer {
    commandCount += 1
    let id = "kvmpt-\(commandCount)"
    let deadline = ContinuousClock.now + Self.limit
    let rest = arguments.map { ",\"arguments\":\($0)" } ?? ""
    try connection.send(
      Array("{\"execute\":\"\(command)\",\"id\":\"\(id)\"\(rest)}\n".utf8), deadline)
    // Events come in between.
    while true {
      let line = QMPAnswer(
        try connection.receive(upTo: 0x0a, deadline, expected: "the answer to \(command)"))
      guard line.text("id") == id else { continue }
      if line.has("error") { throw .refused(command: command, reason: line.text("desc") ?? "") }
      return line
    }
  }

  /// What QEMU's monitor for people prints for `command`, which must need no quoting in JSON.
  ///
  /// Source: QEMU documentation, "QEMU QMP Reference Manual", human-monitor-command.
  ///
  /// - Throws: ``LiveSourceError``.
  func printed(_ command: String) throws(LiveSourceError) -> String {
    let answer = try execute("human-monitor-command", "{\"command-line\":\"\(command)\"}")
    return (answer.text("return") ?? "").replacing("\r\n", with: "\n")
  }
}
