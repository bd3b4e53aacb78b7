// QEMUConnection: this process's end of the connection to a QEMU.

internal import CLinux

/// A socket on which commands go to QEMU; it is closed when nobody may send on it any more.
final class QEMUConnection: Sendable {
  let descriptor: CInt

  /// Takes over this process's end of the connection.
  init(owning descriptor: CInt) { self.descriptor = descriptor }

  deinit { _ = clinux_close(descriptor) }

  /// Sends a command by one call, which mixes with no other thread's.
  func send(_ command: String) {
    let bytes = [UInt8]((command + "\n").utf8)
    // SAFETY: the buffer holds as many bytes as are sent.
    _ = unsafe bytes.withUnsafeBytes {
      unsafe clinux_send(descriptor, $0.baseAddress, UInt64($0.count))
    }
  }

  /// Sends a non-maskable interrupt to the guest's processors, and does not wait for the answer.
  ///
  /// Source: QEMU documentation, "QEMU QMP Reference Manual", `inject-nmi`.
  func injectNMI() { send(#"{"execute":"inject-nmi"}"#) }
}
