// SourcePosition: a place in an input file, as editors and compilers count it.

/// A place in a file: lines and columns count from 1, columns in Unicode scalars.
struct SourcePosition: Hashable, Sendable {
  let line: Int
  let column: Int

  /// The first character of a file.
  static let start = SourcePosition(line: 1, column: 1)
}

extension SourcePosition: Comparable {
  static func < (left: SourcePosition, right: SourcePosition) -> Bool {
    (left.line, left.column) < (right.line, right.column)
  }
}
