// YAMLCursor: a place in the bytes of a file that knows its line and column.

/// Reads bytes one after the other and counts lines and columns.
struct YAMLCursor {
  let bytes: [UInt8]
  private(set) var index = 0
  private(set) var line = 1
  private(set) var column = 1

  /// The byte here, or 0 at the end; the file itself holds no 0.
  private(set) var byte: UInt8

  init(bytes: [UInt8]) {
    self.bytes = bytes
    byte = bytes.first ?? 0
  }

  var position: SourcePosition { SourcePosition(line: line, column: column) }
  var isAtEnd: Bool { index >= bytes.count }

  func byte(ahead offset: Int) -> UInt8 {
    index + offset < bytes.count ? bytes[index + offset] : 0
  }

  var isAtBlank: Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
  var isAtLineEnd: Bool { byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") }

  /// True when blank, line end or end of file stands `offset` bytes ahead.
  func isSpaceOrEnd(ahead offset: Int) -> Bool {
    index + offset >= bytes.count || Self.isSpace(bytes[index + offset])
  }

  /// `---` or `...` at the start of a line.
  func isAtDocumentMarker(_ character: UInt8) -> Bool {
    column == 1 && byte == character && byte(ahead: 1) == character
      && byte(ahead: 2) == character && isSpaceOrEnd(ahead: 3)
  }

  var isAtAnyDocumentMarker: Bool {
    isAtDocumentMarker(UInt8(ascii: "-")) || isAtDocumentMarker(UInt8(ascii: "."))
  }

  /// Moves over one byte that is not a line end.
  mutating func advance() {
    let count = bytes.count
    guard index < count else { return }
    index += 1
    byte = index < count ? bytes[index] : 0
    // The bytes of a multi-byte scalar after its first count as part of the same column.
    if byte & 0xc0 != 0x80 { column += 1 }
  }

  /// Moves to the start of the next line when a line ends here: LF, CR or CR LF.
  mutating func advanceOverLineEnd() {
    guard isAtLineEnd else { return }
    if byte == UInt8(ascii: "\r") && byte(ahead: 1) == UInt8(ascii: "\n") { index += 1 }
    index += 1
    byte = index < bytes.count ? bytes[index] : 0
    line += 1
    column = 1
  }

  /// Moves over one byte or one line end.
  mutating func advanceOverAny() {
    if isAtLineEnd { advanceOverLineEnd() } else { advance() }
  }

  mutating func skipToEndOfLine() {
    while !isAtEnd && !isAtLineEnd { advance() }
  }

  static func isSpace(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\n")
      || byte == UInt8(ascii: "\r")
  }
}
