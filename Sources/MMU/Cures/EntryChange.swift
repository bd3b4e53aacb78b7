// EntryChange: one word of a table that is to become another one.

/// A change of one entry.
public struct EntryChange: Hashable, Sendable {
  /// The entry as it stands.
  public let step: WalkStep
  /// What its 64 bits are to be.
  public let newValue: UInt64

  /// The change of `step` to `newValue`.
  public init(_ step: WalkStep, to newValue: UInt64) {
    self.step = step
    self.newValue = newValue
  }

  /// What is done to the entry, such as `set bit 2 (U/S)`; the entry itself is not named.
  public var deed: String {
    let old = step.entry.rawValue
    if old == 0 { return "put 0x\(String(newValue, radix: 16))" }
    let isMove = (old ^ newValue) & PageTableEntry.Bit.address != 0
    let bits = isMove ? ~PageTableEntry.Bit.address : ~0
    var parts: [String] = []
    let set = newValue & ~old & bits
    let cleared = old & ~newValue & bits
    if isMove {
      let moved = (old ^ newValue) & PageTableEntry.Bit.address
      if moved.nonzeroBitCount == 1 {
        parts.append("\(newValue & moved == 0 ? "clear" : "set") \(namedBits(moved))")
      } else {
        let address = newValue & PageTableEntry.Bit.address
        parts.append("put the address 0x\(String(address, radix: 16))")
      }
    }
    if set != 0 { parts.append("set \(Self.named(set))") }
    if cleared != 0 { parts.append("clear \(Self.named(cleared))") }
    return parts.joined(separator: " and ")
  }

  /// The bits, with the name of one that has a name.
  private static func named(_ bits: UInt64) -> String {
    typealias Bit = PageTableEntry.Bit
    let names: [(UInt64, String)] = [
      (Bit.present, "P"), (Bit.readWrite, "R/W"), (Bit.userSupervisor, "U/S"),
      (Bit.pageSize, "PS"), (Bit.noExecute, "XD"),
    ]
    let name = names.first { $0.0 == bits }?.1
    return namedBits(bits) + (name.map { " (\($0))" } ?? "")
  }
}
