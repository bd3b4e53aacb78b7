// ByteCount: how sizes are written in files, messages and reports.

/// A number of bytes written in the largest binary unit that divides it: `2 MiB`.
public struct ByteCount: CustomStringConvertible, Hashable, Sendable {
  /// The number of bytes.
  public let value: UInt64

  /// Takes the number as it is.
  public init(_ value: UInt64) { self.value = value }

  /// The binary units, largest first: the suffix and the number of bytes.
  public static let units: [(suffix: String, byteCount: UInt64)] = [
    ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
  ]

  /// The number with its unit, such as `64 MiB`; `bytes` where no larger unit divides it.
  public var description: String {
    if value > 0 {
      for unit in Self.units where value.isMultiple(of: unit.byteCount) {
        return "\(value / unit.byteCount) \(unit.suffix)"
      }
    }
    return value == 1 ? "1 byte" : "\(value) bytes"
  }
}
