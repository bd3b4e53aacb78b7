// SourceText: the bytes of a file before anything is read from them.

/// Checks that bytes are text.
enum SourceText {
  /// The bytes without a byte-order mark; throws when they are too many or are not plain UTF-8.
  static func checked(_ bytes: [UInt8], byteLimit: Int) throws(InputProblem) -> [UInt8] {
    if bytes.count > byteLimit {
      throw InputProblem(
        "file-too-large", at: .start, "the file is larger than \(byteLimit >> 20) MiB",
        hint: "one range of pages is one mapping, however many pages it has")
    }
    if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) {
      throw InputProblem(
        "not-utf-8", at: .start, "the file is UTF-16", hint: "save the file as UTF-8")
    }
    let content = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? Array(bytes.dropFirst(3)) : bytes
    if let index = content.firstIndex(where: isControlCharacter) {
      throw InputProblem(
        "control-character", at: position(of: index, in: content),
        "a control character (byte \(content[index])) stands in the text",
        hint: "remove it; inside double quotes it can be written as \\x and two digits")
    }
    if String(validating: content, as: UTF8.self) == nil {
      throw InputProblem(
        "not-utf-8", at: position(of: firstInvalidIndex(in: content), in: content),
        "the bytes here are not UTF-8", hint: "save the file as UTF-8")
    }
    if let index = indexOfForeignScalar(in: content) {
      throw InputProblem(
        "control-character", at: position(of: index, in: content),
        "an invisible character, such as a Unicode line separator, stands in the text",
        hint: "remove it; inside double quotes it can be written as \\u and four digits")
    }
    return content
  }

  /// Where a scalar stands that YAML takes for a line end or does not allow: U+0080 to U+009F,
  /// U+2028, U+2029, U+FEFF, U+FFFE and U+FFFF.
  ///
  /// Source: YAML 1.1, sections 4.1.1 (character set) and 4.1.4 (line breaks), as libyaml has them.
  private static func indexOfForeignScalar(in bytes: [UInt8]) -> Int? {
    for (index, byte) in bytes.enumerated() where byte == 0xc2 || byte == 0xe2 || byte == 0xef {
      // The bytes are valid UTF-8: the ones that belong to this scalar are there.
      switch (byte, bytes[index + 1]) {
      case (0xc2, 0x80...0x9f): return index
      case (0xe2, 0x80) where (0xa8...0xa9).contains(bytes[index + 2]): return index
      case (0xef, 0xbb) where bytes[index + 2] == 0xbf: return index
      case (0xef, 0xbf) where bytes[index + 2] >= 0xbe: return index
      default: continue
      }
    }
    return nil
  }

  private static func isControlCharacter(_ byte: UInt8) -> Bool {
    byte == 0x7f || (byte < 0x20 && byte != 0x09 && byte != 0x0a && byte != 0x0d)
  }

  private static func firstInvalidIndex(in bytes: [UInt8]) -> Int {
    var index = 0
    while index < bytes.count {
      let length: Int
      switch bytes[index] {
      case 0...0x7f: length = 1
      case 0xc2...0xdf: length = 2
      case 0xe0...0xef: length = 3
      case 0xf0...0xf4: length = 4
      default: return index
      }
      let end = min(index + length, bytes.count)
      if String(validating: bytes[index..<end], as: UTF8.self) == nil { return index }
      index = end
    }
    return index
  }

  private static func position(of index: Int, in bytes: [UInt8]) -> SourcePosition {
    var cursor = YAMLCursor(bytes: bytes)
    while cursor.index < index { cursor.advanceOverAny() }
    return cursor.position
  }
}
