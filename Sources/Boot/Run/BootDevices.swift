// BootDevices: the ports of a KVM guest.

/// The serial line, port 0xe9 and the exit port; other ports take everything and answer all ones.
struct BootDevices {
  var output: GuestOutput
  private var serial = SerialPort()

  init(output: GuestOutput) { self.output = output }

  /// Takes what the guest wrote; how it ends, where that ends it.
  mutating func write(
    _ bytes: [UInt8], _ byteCount: UInt8, _ value: UInt64, to port: UInt16
  ) -> BootEnd? {
    switch port {
    // QEMU's isa-debug-exit keeps seven bits. What has more never stands for one that has not.
    case 0xf4:
      return .guestExit(UInt8(truncatingIfNeeded: value & 0x7f) | (value > 0x7f ? 0x80 : 0))
    case 0xe9: output.append(bytes)
    case SerialPort.ports where byteCount == 1:
      output.append(bytes.compactMap { serial.write($0, to: port) })
    default: break
    }
    return nil
  }

  /// What the guest reads.
  func read(from port: UInt16) -> UInt8 {
    switch port {
    case SerialPort.ports: serial.read(from: port)
    case 0xe9: 0xe9
    default: 0xff
    }
  }
}
