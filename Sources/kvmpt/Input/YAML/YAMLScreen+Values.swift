// How many keys and values a file has.

extension YAMLScreen {
  /// Counts what the next token begins, whether or not the file says its value.
  ///
  /// Source: YAML 1.2.2, sections 7.4 and 8.2: each entry of a sequence and each value of a mapping
  /// is a node, if an empty one.
  mutating func countValues() {
    if cursor.isAtAnyDocumentMarker || (cursor.byte == UInt8(ascii: "%") && column == 0) {
      valueCount += 1
      return
    }
    let isInBraces = brackets.last == UInt8(ascii: "{")
    if isAtEntryInBrackets { valueCount += isInBraces ? 2 : 1 }
    switch cursor.byte {
    case UInt8(ascii: ":") where isInBrackets || cursor.isSpaceOrEnd(ahead: 1):
      // In braces the key has been counted with its value.
      if !isInBraces { valueCount += 2 }
    case UInt8(ascii: "-") where !isInBrackets && cursor.isSpaceOrEnd(ahead: 1): valueCount += 1
    default: break
    }
  }

  private var isAtEntryInBrackets: Bool {
    switch cursor.byte {
    case UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"): false
    default:
      isInBrackets
        && [UInt8(ascii: "["), UInt8(ascii: "{"), UInt8(ascii: ",")].contains(previous)
    }
  }
}
