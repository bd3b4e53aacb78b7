// SerialPort: the part of a UART that a kernel needs to print.

/// A 16550 that takes every byte at once, at ports 0x3f8 to 0x3ff.
///
/// Source: National Semiconductor PC16550D datasheet, section 8 (registers).
struct SerialPort {
  static let ports: ClosedRange<UInt16> = 0x3f8...0x3ff

  private var lineControl: UInt8 = 0
  private var scratch: UInt8 = 0

  init() {}

  /// DLAB: the first two registers are the divisor.
  private var isDivisorShown: Bool { lineControl & 0x80 != 0 }

  /// What is printed when the guest writes `byte` to `port`; nil for nothing.
  mutating func write(_ byte: UInt8, to port: UInt16) -> UInt8? {
    switch port {
    case 0x3f8: return isDivisorShown ? nil : byte
    case 0x3fb: lineControl = byte
    case 0x3ff: scratch = byte
    default: break
    }
    return nil
  }

  /// What the guest reads from `port`.
  func read(from port: UInt16) -> UInt8 {
    switch port {
    // No interrupt is pending.
    case 0x3fa: 1
    case 0x3fb: lineControl
    // The transmitter is empty.
    case 0x3fd: 0x60
    // DCD, DSR and CTS.
    case 0x3fe: 0xb0
    case 0x3ff: scratch
    default: 0
    }
  }
}
