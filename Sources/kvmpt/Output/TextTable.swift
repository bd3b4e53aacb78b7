// TextTable: columns that line up.

/// Lays out rows of text in columns as wide as their widest cell.
struct TextTable {
  /// On which side a cell is filled up.
  enum Alignment { case left, right }

  /// Text and its look; the look does not count for the width.
  struct Cell: ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
    let text: String
    let style: TextStyle

    /// Takes the text without what a terminal or a CI system would obey.
    init(_ text: String, _ style: TextStyle = .plain) {
      self.text = PlainText.oneLine(text)
      self.style = style
    }

    init(stringLiteral text: String) { self.init(text) }
  }

  private let columns: [(title: String, alignment: Alignment)]
  private var parts: [Part] = []

  /// Rows that follow each other.
  private struct Part {
    let count: Int
    let row: (Int) -> [Cell]
  }

  init(_ columns: [(title: String, alignment: Alignment)]) { self.columns = columns }

  /// Adds a row; cells that are missing are empty, cells without a column are left out.
  mutating func append(_ row: [Cell]) { append(1) { _ in row } }

  /// Adds `count` rows, of which each is made when it is needed and kept no longer.
  mutating func append(_ count: Int, row: @escaping (Int) -> [Cell]) {
    parts.append(Part(count: count, row: row))
  }

  /// The lines of the table, indented, with the titles first unless all are empty.
  func rendered(indentation: Int = 2, styler: TextStyler) -> String {
    var widths = columns.map { Self.width($0.title) }
    forEachRow { row in
      for (index, cell) in row.prefix(columns.count).enumerated() {
        widths[index] = max(widths[index], Self.width(cell.text))
      }
    }
    var text = ""
    if columns.contains(where: { !$0.title.isEmpty }) {
      text += line(columns.map { Cell($0.title, .dim) }, widths, indentation, styler)
    }
    forEachRow { text += line($0, widths, indentation, styler) }
    return text
  }

  private func forEachRow(_ body: ([Cell]) -> Void) {
    for part in parts {
      for index in 0..<part.count { body(part.row(index)) }
    }
  }

  private func line(
    _ row: [Cell], _ widths: [Int], _ indentation: Int, _ styler: TextStyler
  ) -> String {
    var text = String(repeating: " ", count: indentation)
    let lastFilled = row.prefix(columns.count).lastIndex { !$0.text.isEmpty } ?? -1
    for (index, cell) in row.prefix(columns.count).enumerated() where index <= lastFilled {
      let padding = String(repeating: " ", count: widths[index] - Self.width(cell.text))
      let shown = styler(cell.text, cell.style)
      switch columns[index].alignment {
      case .left: text += index == lastFilled ? shown : shown + padding
      case .right: text += padding + shown
      }
      if index < lastFilled { text += "  " }
    }
    return text + "\n"
  }

  /// Characters stand for columns, which is right for the texts that reports hold.
  private static func width(_ text: String) -> Int { text.count }
}
