// MutantTable: a committed file with a line for each mutant, sorted.

import Foundation

/// Lines of eight columns, between tabs: file, function, edit, before, after, number among equals,
/// digest of the function, and what is known.
struct MutantTable {
  struct Line {
    let functionDigest: String
    let text: String
  }

  private(set) var lines: [Mutant.Identity: Line] = [:]
  let url: URL

  /// An empty table where there is no file.
  init(_ url: URL) throws {
    self.url = url
    guard FileManager.default.fileExists(atPath: url.path) else { return }
    let text = try String(contentsOf: url, encoding: .utf8)
    for (index, line) in text.split(separator: "\n").enumerated() where !line.hasPrefix("#") {
      let parts = line.split(separator: "\t", omittingEmptySubsequences: false)
      guard parts.count == 8, let edit = Edit(rawValue: String(parts[2])),
        let ordinal = Int(parts[5])
      else { throw Failure("\(url.lastPathComponent), line \(index + 1) is no mutant: \(line)") }
      let identity = Mutant.Identity(
        file: String(parts[0]), function: String(parts[1]), edit: edit, before: String(parts[3]),
        after: String(parts[4]), ordinal: ordinal)
      lines[identity] = Line(functionDigest: String(parts[6]), text: String(parts[7]))
    }
  }

  subscript(_ identity: Mutant.Identity) -> Line? { lines[identity] }

  mutating func set(_ mutant: Mutant, _ text: String) {
    lines[mutant.identity] = Line(functionDigest: mutant.functionDigest, text: text)
  }

  mutating func remove(_ identity: Mutant.Identity) { lines[identity] = nil }

  /// Writes the whole file anew, the old one in place until the new one is whole.
  func save(heading: String) throws {
    let rows = lines.map { identity, line in
      [
        identity.file, identity.function, identity.edit.rawValue, identity.before, identity.after,
        "\(identity.ordinal)", line.functionDigest, line.text,
      ].joined(separator: "\t")
    }
    let text = ([heading] + rows.sorted()).joined(separator: "\n") + "\n"
    try Data(text.utf8).write(to: url, options: .atomic)
  }
}
