// QEMUMonitor: the connection on which QEMU says what happens and is asked about registers.

internal import CLinux
import Glibc
import Synchronization

/// A connection to QEMU's machine protocol.
///
/// Source: QEMU documentation, "QEMU Machine Protocol Specification".
package final class QEMUMonitor {
  /// What arrives without being asked for.
  package enum Event {
    /// The guest ended in a triple fault.
    case shutdown
    /// QEMU is gone.
    case closed
  }

  /// What a wait for the end of the negotiation ends in.
  package enum Readiness {
    /// Events are told from now on.
    case ready
    /// QEMU is gone.
    case closed
    /// QEMU has not answered until the deadline.
    case silent
  }

  /// What any thread may send commands on whose answers nobody waits for.
  let connection: QEMUConnection
  private var received: [UInt8] = []
  private var lines: [String] = []
  private var commandCount = 0

  /// QEMU's version as its greeting says it, such as `7.2.22`, or nil as long as none has arrived.
  ///
  /// Source: QEMU documentation, "QEMU Machine Protocol Specification", server greeting.
  package private(set) var version: String?

  /// Takes over this process's end of the connection.
  init(owning descriptor: CInt) {
    connection = QEMUConnection(owning: descriptor)
    connection.send(#"{"execute":"qmp_capabilities"}"#)
  }

  /// Waits until QEMU has left its negotiation mode: an event before that, such as the end of a guest
  /// that was quicker than QEMU's main loop, is told to nobody.
  ///
  /// Source: QEMU documentation, "QEMU Machine Protocol Specification", capabilities negotiation.
  package func waitUntilReady(deadline: ContinuousClock.Instant) -> Readiness {
    while true {
      let isOpen = receive()
      // The answer to `qmp_capabilities`, the only command so far.
      if let answer = lines.firstIndex(where: { $0.contains(#""return""#) }) {
        lines.removeFirst(answer + 1)
        return .ready
      }
      lines = []
      guard isOpen else { return .closed }
      guard ContinuousClock.now < deadline else { return .silent }
      pauseBriefly()
    }
  }

  /// The first event that has arrived since the last call, without waiting.
  package func nextEvent() -> Event? {
    let isOpen = receive()
    let arrived = lines
    lines = []
    if let index = arrived.firstIndex(where: Self.isShutdown) {
      lines = Array(arrived[(index + 1)...])
      return .shutdown
    }
    return isOpen ? nil : .closed
  }

  private static func isShutdown(_ line: String) -> Bool {
    line.contains(#""event""#) && line.contains(#""SHUTDOWN""#)
  }

  /// RCX of the guest, which is stopped for the question and goes on if it ran; nil without answer.
  func recordCounter(deadline: ContinuousClock.Instant) -> UInt64? {
    connection.send(#"{"execute":"stop"}"#)
    connection.send(
      #"{"execute":"human-monitor-command","arguments":{"command-line":"info registers"}}"#)
    connection.send(#"{"execute":"cont"}"#)
    // Events that arrive meanwhile stay for those who ask for them.
    var events: [String] = []
    defer { lines = events + lines }
    while ContinuousClock.now < deadline {
      let isOpen = receive()
      while !lines.isEmpty {
        let line = lines.removeFirst()
        if line.contains(#""event""#) { events.append(line) }
        guard let range = line.firstRange(of: "RCX=") else { continue }
        return UInt64(line[range.upperBound...].prefix(16), radix: 16)
      }
      guard isOpen else { return nil }
      pauseBriefly()
    }
    return nil
  }

  /// Lets the guest run, or go on.
  package func resume() { connection.send(#"{"execute":"cont"}"#) }

  /// Stops the guest, which keeps its state.
  package func pause() { connection.send(#"{"execute":"stop"}"#) }

  /// What QEMU's monitor for people prints for `command`, which must need no quoting in JSON; nil
  /// without an answer until the deadline.
  ///
  /// Source: QEMU documentation, "QEMU QMP Reference Manual", human-monitor-command.
  package func printed(
    for command: String, deadline: ContinuousClock.Instant
  ) -> String? {
    commandCount += 1
    let id = "\"kvmpt-\(commandCount)\""
    connection.send(
      #"{"execute":"human-monitor-command","id":\#(id),"arguments":{"command-line":"\#(command)"}}"#
    )
    // The event that is told stays for whoever asks for it.
    var events: [String] = []
    defer { lines = events + lines }
    while ContinuousClock.now < deadline {
      let isOpen = receive()
      let arrived = lines
      lines = []
      events += arrived.filter(Self.isShutdown).prefix(1)
      if let answer = arrived.first(where: { $0.contains(id) && !Self.isShutdown($0) }) {
        return answer.replacing(#"\r\n"#, with: "\n")
      }
      guard isOpen else { return nil }
      pauseBriefly()
    }
    return nil
  }

  /// Looks for the greeting among what has arrived.
  func readGreeting() {
    if version == nil { _ = receive() }
  }

  private static func version(in greeting: String) -> String? {
    func number(_ name: String) -> UInt32? {
      guard let start = greeting.firstRange(of: "\"\(name)\":")?.upperBound else { return nil }
      return UInt32(
        greeting[start...].drop { $0 == " " }.prefix { $0.isASCII && $0.isWholeNumber })
    }
    guard let major = number("major"), let minor = number("minor"), let micro = number("micro")
    else { return nil }
    return "\(major).\(minor).\(micro)"
  }

  /// So many parts of 4 KiB are taken at once: whoever waits looks at the clock in between.
  private static let partLimit = 64
  /// A line has at most so many bytes; of a longer one, which QEMU does not write, the rest is dropped.
  private static let lineByteLimit = 1 << 20

  /// Takes what has arrived apart into lines; false at the connection's end.
  private func receive() -> Bool {
    var buffer = [UInt8](repeating: 0, count: 4096)
    for _ in 0..<Self.partLimit {
      // SAFETY: the buffer has room for as many bytes as are asked for.
      let count = unsafe buffer.withUnsafeMutableBytes {
        unsafe clinux_receive_now(connection.descriptor, $0.baseAddress, UInt64($0.count))
      }
      guard count > 0 else { return count == Int64(-EAGAIN) || count == Int64(-EINTR) }
      for byte in buffer[..<Int(count)] {
        if byte == UInt8(ascii: "\n") {
          let line = String(decoding: received, as: UTF8.self)
          lines.append(line)
          if version == nil, line.contains(#""QMP""#) { version = Self.version(in: line) }
          received = []
        } else if received.count < Self.lineByteLimit {
          received.append(byte)
        }
      }
    }
    return true
  }
}

/// Lets other threads run for a moment that is short beside a batch.
func pauseBriefly() {
  usleep(50)
}
