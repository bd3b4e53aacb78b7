// QMPAnswer: what stands in a line of QEMU's machine protocol.

/// A line of JSON that QEMU wrote, of which only few words are needed.
///
/// Sources: QEMU documentation, "QEMU Machine Protocol Specification"; RFC 8259.
struct QMPAnswer {
  private let line: [UInt8]

  init(_ line: [UInt8]) { self.line = line }

  /// The line has a member of this name somewhere.
  func has(_ name: String) -> Bool { value(of: name) != nil }

  /// The text of the member `name`, without its escapes; nil where it is no text.
  func text(_ name: String) -> String? {
    guard let start = value(of: name), line[start] == UInt8(ascii: "\"") else { return nil }
    var text: [UInt8] = []
    var index = start + 1
    while index < line.count {
      let byte = line[index]
      index += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"):
        guard index < line.count else { return nil }
        let escaped = line[index]
        index += 1
        switch escaped {
        case UInt8(ascii: "n"): text.append(0x0a)
        case UInt8(ascii: "r"): text.append(0x0d)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0c)
        case UInt8(ascii: "u"):
          let digits = String(decoding: line[index...].prefix(4), as: UTF8.self)
          guard digits.utf8.count == 4, let number = UInt32(digits, radix: 16) else { return nil }
          index += 4
          text += Array(String(Unicode.Scalar(number) ?? "\u{fffd}").utf8)
        default: text.append(escaped)
        }
      default: text.append(byte)
      }
    }
    return nil
  }

  /// The number of the member `name`.
  func number(_ name: String) -> UInt64? {
    value(of: name).flatMap { start in
      UInt64(
        String(
          decoding: line[start...].prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") },
          as: UTF8.self))
    }
  }

  /// What a member that is true or false says.
  func flag(_ name: String) -> Bool? {
    guard let start = value(of: name) else { return nil }
    if line[start...].starts(with: "true".utf8) { return true }
    return line[start...].starts(with: "false".utf8) ? false : nil
  }

  /// The texts of all members of this name, in their order.
  func texts(_ name: String) -> [String] {
    var texts: [String] = []
    var rest = self
    while let start = rest.value(of: name) {
      if let text = rest.text(name) { texts.append(text) }
      rest = QMPAnswer(Array(rest.line[start...]))
    }
    return texts
  }

  /// Where the value of the first member `name` starts.
  private func value(of name: String) -> Int? {
    let key = Array("\"\(name)\"".utf8)
    var index = 0
    while index < line.count {
      guard line[index] == UInt8(ascii: "\"") else {
        index += 1
        continue
      }
      // A text, whose end is searched so that what stands in it is no member.
      var end = index + 1
      while end < line.count, line[end] != UInt8(ascii: "\"") {
        end += line[end] == UInt8(ascii: "\\") ? 2 : 1
      }
      guard end < line.count else { return nil }
      if line[index...end].elementsEqual(key) {
        var next = end + 1
        while next < line.count, line[next] == 0x20 { next += 1 }
        if next < line.count, line[next] == UInt8(ascii: ":") {
          next += 1
          while next < line.count, line[next] == 0x20 { next += 1 }
          return next < line.count ? next : nil
        }
      }
      index = end + 1
    }
    return nil
  }
}
