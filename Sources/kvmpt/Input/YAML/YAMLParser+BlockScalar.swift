// Literal (`|`) and folded (`>`) block scalars.
//
// Source: YAML 1.2.2, section 8.1.

extension YAMLParser {
  /// What happens to the line ends at the end of a block scalar.
  private enum Chomping { case strip, clip, keep }

  /// The text of the block scalar that starts here; ends at the start of the next line of content.
  mutating func blockScalar(parentIndentation: Int) throws(InputProblem) -> String {
    let isFolded = cursor.byte == UInt8(ascii: ">")
    cursor.advance()
    var chomping = Chomping.clip
    var indentation: Int?
    header: while true {
      switch cursor.byte {
      case UInt8(ascii: "-"): chomping = .strip
      case UInt8(ascii: "+"): chomping = .keep
      case UInt8(ascii: "1")...UInt8(ascii: "9"):
        indentation = max(parentIndentation, 0) + Int(cursor.byte - UInt8(ascii: "0"))
      default: break header
      }
      cursor.advance()
    }
    try expectEndOfLine()
    cursor.skipToEndOfLine()

    let lines = blockScalarLines(parentIndentation: parentIndentation, indentation: indentation)
    return Self.joined(lines, isFolded: isFolded, chomping: chomping)
  }

  /// The lines of the scalar without their indentation; blank lines are empty.
  private mutating func blockScalarLines(
    parentIndentation: Int, indentation givenIndentation: Int?
  ) -> [String] {
    var lines: [String] = []
    var indentation = givenIndentation
    while cursor.isAtLineEnd {
      var ahead = cursor
      ahead.advanceOverLineEnd()
      while ahead.byte == UInt8(ascii: " ") && ahead.indentation < indentation ?? .max {
        ahead.advance()
      }
      if ahead.isAtEnd && ahead.column == 1 { break }
      if ahead.isAtLineEnd || ahead.isAtEnd {
        lines.append("")
        cursor = ahead
        continue
      }
      if ahead.indentation < indentation ?? (parentIndentation + 1) || ahead.isAtAnyDocumentMarker {
        break
      }
      indentation = indentation ?? ahead.indentation
      let start = ahead.index
      ahead.skipToEndOfLine()
      lines.append(String(decoding: ahead.bytes[start..<ahead.index], as: UTF8.self))
      cursor = ahead
    }
    return lines
  }

  private static func joined(_ lines: [String], isFolded: Bool, chomping: Chomping) -> String {
    let contentCount = (lines.lastIndex { !$0.isEmpty } ?? -1) + 1
    var text = ""
    var blankCount = 0
    var previousIsText: Bool?
    for line in lines[..<contentCount] {
      if line.isEmpty {
        blankCount += 1
        continue
      }
      let isText = line.utf8.first != UInt8(ascii: " ") && line.utf8.first != UInt8(ascii: "\t")
      // Between two lines of text a single line end folds to a space.
      let folds = isFolded && previousIsText == true && isText
      if folds && blankCount == 0 {
        text += " "
      } else {
        let endsLine = previousIsText != nil && !folds
        text += String(repeating: "\n", count: blankCount + (endsLine ? 1 : 0))
      }
      text += line
      blankCount = 0
      previousIsText = isText
    }
    let trailingCount = lines.count - contentCount
    switch chomping {
    case .strip: return text
    case .clip: return text.isEmpty ? "" : text + "\n"
    case .keep:
      return text + String(repeating: "\n", count: trailingCount + (text.isEmpty ? 0 : 1))
    }
  }
}
