// LineTable: lines and columns of a file.

/// Where the lines of a text begin.
struct LineTable: Sendable {
  private let starts: [Int]

  init(_ bytes: [UInt8]) {
    var starts = [0]
    for (offset, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
      starts.append(offset + 1)
    }
    self.starts = starts
  }

  /// The line of a byte, from 1.
  func line(of offset: Int) -> Int {
    var low = 0
    var high = starts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= offset { low = middle } else { high = middle }
    }
    return low + 1
  }

  /// The byte at a line and a column, both from 1; nil when there is no such line.
  func offset(line: Int, column: Int) -> Int? {
    starts.indices.contains(line - 1) ? starts[line - 1] + column - 1 : nil
  }

  /// A line without the spaces around it.
  func text(of line: Int, in bytes: [UInt8]) -> String {
    let end = line < starts.count ? starts[line] : bytes.count
    let text = String(decoding: bytes[starts[line - 1]..<end], as: UTF8.self)
    return text.split { $0.isWhitespace }.joined(separator: " ")
  }
}
