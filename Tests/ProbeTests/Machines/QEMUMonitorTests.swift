// The connection to QEMU, with a test at its other end.

import CLinux
import Glibc
import Testing

@testable import Probe

@Suite("QEMU's monitor is heard from the moment at which it tells events")
struct QEMUMonitorTests {
  private static let greeting =
    #"{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}}}}"#
  private static let end = #"{"event": "SHUTDOWN", "data": {"guest": true}}"#

  /// A monitor, and the end of its connection that QEMU has.
  private struct Connection: ~Copyable {
    let monitor: QEMUMonitor
    private let peer: CInt

    init() throws {
      var ends: [CInt] = [-1, -1]
      // SAFETY: the array has room for both ends.
      let result = unsafe ends.withUnsafeMutableBufferPointer {
        unsafe clinux_socket_pair($0.baseAddress)
      }
      try #require(result == 0)
      monitor = QEMUMonitor(owning: ends[0])
      peer = ends[1]
    }

    deinit { _ = clinux_close(peer) }

    func tell(_ lines: String...) throws {
      for line in lines {
        let bytes = Array((line + "\r\n").utf8)
        // SAFETY: the buffer holds as many bytes as are sent.
        let count = unsafe bytes.withUnsafeBytes {
          unsafe clinux_send(peer, $0.baseAddress, UInt64($0.count))
        }
        try #require(count == Int64(bytes.count))
      }
    }

    /// No more is said.
    func finish() { _ = Glibc.shutdown(peer, CInt(SHUT_WR)) }
  }

  private static func readiness(
    of connection: borrowing Connection, within time: Duration
  ) -> QEMUMonitor.Readiness {
    connection.monitor.waitUntilReady(deadline: .now + time)
  }

  @Test("a greeting is not yet the end of the negotiation; the answer to the command is")
  func answer() throws {
    let connection = try Connection()
    #expect(Self.readiness(of: connection, within: .milliseconds(5)) == .silent)
    try connection.tell(Self.greeting)
    #expect(Self.readiness(of: connection, within: .milliseconds(5)) == .silent)
    try connection.tell(#"{"return": {}}"#)
    #expect(Self.readiness(of: connection, within: .seconds(300)) == .ready)
    #expect(connection.monitor.version == "7.2.22")
    #expect(connection.monitor.nextEvent() == nil)
  }

  @Test("what is told right behind the answer is not lost")
  func eventBehindTheAnswer() throws {
    let connection = try Connection()
    try connection.tell(Self.greeting, #"{"return": {}}"#, #"{"event": "RESUME"}"#, Self.end)
    #expect(Self.readiness(of: connection, within: .seconds(300)) == .ready)
    #expect(connection.monitor.nextEvent() == .shutdown)
    #expect(connection.monitor.nextEvent() == nil)
  }

  @Test(
    "a QEMU that ends before it answers is gone, and one that ends after is ready",
    arguments: [false, true])
  func end(_ hasAnswered: Bool) throws {
    let connection = try Connection()
    try connection.tell(Self.greeting)
    if hasAnswered { try connection.tell(#"{"return": {}}"#) }
    connection.finish()
    #expect(
      Self.readiness(of: connection, within: .seconds(300)) == (hasAnswered ? .ready : .closed))
    #expect(connection.monitor.nextEvent() == .closed)
  }
}
