// DeadEndText: entries that lead nowhere, in the words of every format.

import GuestMem
import MMU
import Probe

/// What leads nowhere, in words.
enum DeadEndText {
  /// Why, and which entry says so.
  static func words(_ end: DeadEnd) -> String {
    let place = "\(end.entry.level.entryName) at \(HexadecimalNumber(end.entryAddress.rawValue))"
    let entry = "\(place): \(HexadecimalNumber(end.entry.rawValue))"
    let further =
      end.count > 1
      ? " and \(counted(Int(clamping: end.count - 1), "more entry", "more entries"))" : ""
    let ones = end.entry.rawValue == .max ? ", all ones: overwritten, not a table" : ""
    switch end.cause {
    case .reservedBits(let bits):
      return "reserved bits \(HexadecimalNumber(bits)) are set in the \(entry)\(further)\(ones)"
    case .tableOutsideMemory:
      let target = HexadecimalNumber(end.entry.tableAddress.rawValue)
      return "no memory in the image for the table at \(target), by the \(entry)\(further)\(ones)"
    }
  }

  /// The addresses and why they lead nowhere, in one line.
  static func line(_ end: DeadEnd) -> String {
    "\(HexadecimalNumber(end.linearAddress)) to \(HexadecimalNumber(end.lastAddress)): \(words(end))"
  }

  /// A line for each dead end, and one where nothing is mapped; `prefix` begins each.
  static func lines(
    _ report: DeadEndReport, _ root: String?, prefix: String = "leads nowhere: "
  ) -> [String] {
    var lines = report.deadEnds.map { prefix + line($0) }
    if report.droppedCount > 0 {
      lines.append("\(prefix)\(grouped(report.droppedCount)) more ranges")
    }
    if let root { lines.append(root) }
    return lines
  }

  /// Writes an object, without the line's end.
  static func writeJSON(_ end: DeadEnd, to line: inout LineBuffer) {
    line.append("{\"dead-end\": \"")
    line.append(text: end.cause == .tableOutsideMemory ? "table-outside-memory" : "reserved-bits")
    line.append("\", \"linear\": \"")
    line.append(hexadecimal: end.linearAddress)
    line.append("\", \"bytes\": \"")
    line.append(hexadecimal: end.byteCount)
    line.append("\", \"entries\": ")
    line.append(decimal: end.count)
    line.append(", \"level\": ")
    line.append(decimal: UInt64(end.entry.level.rawValue))
    line.append(", \"entry-address\": \"")
    line.append(hexadecimal: end.entryAddress.rawValue)
    line.append("\", \"entry\": \"")
    line.append(hexadecimal: end.entry.rawValue)
    if case .reservedBits(let bits) = end.cause {
      line.append("\", \"bits\": \"")
      line.append(hexadecimal: bits)
    }
    line.append("\"}")
  }

  /// The same as a member of a report.
  static func write<Output: TextOutputStream>(
    _ report: DeadEndReport, to json: inout JSONWriter<Output>
  ) {
    json.key("dead-ends")
    json.beginArray()
    for end in report.deadEnds {
      json.beginObject()
      json.member(
        "cause", end.cause == .tableOutsideMemory ? "table-outside-memory" : "reserved-bits")
      json.member("linear", hexadecimal: end.linearAddress)
      json.member("bytes", hexadecimal: end.byteCount)
      json.member("entries", Int(clamping: end.count))
      json.member("level", Int(end.entry.level.rawValue))
      json.member("entry-address", hexadecimal: end.entryAddress.rawValue)
      json.member("entry", hexadecimal: end.entry.rawValue)
      if case .reservedBits(let bits) = end.cause { json.member("bits", hexadecimal: bits) }
      json.endObject()
    }
    json.endArray()
    json.member("dead-ends-left-out", report.droppedCount)
    json.member("maps-pages", report.mapsPages)
  }
}
