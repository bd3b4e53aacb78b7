// MutatedFile: a source file in which every chosen mutant can be switched on.

/// The text of a file with its mutants, and where each of them stands in it.
struct MutatedFile {
  /// A mutant and its number in the build.
  typealias Numbered = (number: Int, mutant: Mutant)

  let text: String
  private let mutants: [Numbered]
  private let lines: LineTable
  /// What each mutant puts in, by number.
  private let replacements: [Int: Range<Int>]
  /// What each place of mutants became, by its bytes in the source.
  private let sites: [Range<Int>: Range<Int>]
  /// Pieces that were copied: their beginning here and in the source.
  private let pieces: [(here: Int, source: Int)]

  init(_ source: [UInt8], _ mutants: [Numbered]) {
    var writer = Writer(source: source, mutants: mutants)
    let start = Self.importOffset(source)
    writer.copy(0..<start)
    if !mutants.isEmpty { writer.write("public import MutantSwitch\n") }
    writer.render(start..<source.count, Self.grouped(mutants)[...])
    text = String(decoding: writer.output, as: UTF8.self)
    lines = LineTable(writer.output)
    replacements = writer.replacements
    sites = writer.sites
    pieces = writer.pieces
    self.mutants = mutants
  }

  /// The numbers of the mutants that an error at a place of this text is about: those whose own text
  /// it is, or those of the smallest place around it, or statements of the function.
  func blamed(line: Int, column: Int) -> [Int] {
    guard let offset = lines.offset(line: line, column: column) else { return [] }
    let own = replacements.filter { $0.value.contains(offset) }
    if let smallest = own.min(by: { $0.value.count < $1.value.count }) { return [smallest.key] }
    let around = sites.filter { $0.value.contains(offset) || $0.value.upperBound == offset }
    if let smallest = around.min(by: { $0.value.count < $1.value.count }) {
      return mutants.filter { $0.mutant.site == smallest.key }.map(\.number)
    }
    guard let piece = pieces.last(where: { $0.here <= offset }) else { return [] }
    let place = piece.source + offset - piece.here
    let near = mutants.filter {
      $0.mutant.function.contains(place) || $0.mutant.function.upperBound == place
    }
    let statements = near.filter { $0.mutant.kind == .statements }
    return (statements.isEmpty ? near : statements).map(\.number)
  }

  /// The mutants by place, those around others first.
  private static func grouped(_ mutants: [Numbered]) -> [Group] {
    var groups: [Group] = []
    for one in mutants {
      if let index = groups.firstIndex(where: {
        $0.site == one.mutant.site && $0.kind == one.mutant.kind
      }) {
        groups[index].mutants.append(one)
      } else {
        groups.append(Group(site: one.mutant.site, kind: one.mutant.kind, mutants: [one]))
      }
    }
    return groups.sorted {
      if $0.site.lowerBound != $1.site.lowerBound { return $0.site.lowerBound < $1.site.lowerBound }
      if $0.site.upperBound != $1.site.upperBound { return $0.site.upperBound > $1.site.upperBound }
      return $0.kind == .statements && $1.kind != .statements
    }
  }

  /// Where the first import begins; the file's end when it has none and no other line either.
  private static func importOffset(_ source: [UInt8]) -> Int {
    var start = 0
    for line in String(decoding: source, as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false)
    {
      if !line.isEmpty && !line.hasPrefix("//") { break }
      start += line.utf8.count + 1
    }
    return min(start, source.count)
  }
}

/// Mutants of the same bytes.
private struct Group {
  let site: Range<Int>
  let kind: Mutant.Kind
  var mutants: [MutatedFile.Numbered]
}

/// Writes a mutated file from its beginning to its end.
private struct Writer {
  let source: [UInt8]
  let mutants: [MutatedFile.Numbered]
  var output: [UInt8] = []
  var replacements: [Int: Range<Int>] = [:]
  var sites: [Range<Int>: Range<Int>] = [:]
  var pieces: [(here: Int, source: Int)] = []

  init(source: [UInt8], mutants: [MutatedFile.Numbered]) {
    self.source = source
    self.mutants = mutants
  }

  mutating func write(_ text: String) { output += Array(text.utf8) }

  mutating func copy(_ range: Range<Int>) {
    pieces.append((output.count, range.lowerBound))
    output += source[range]
  }

  private mutating func writeReplacement(_ one: MutatedFile.Numbered) {
    let start = output.count
    write(one.mutant.replacement)
    replacements[one.number] = start..<output.count
  }

  /// Writes a range of the source with the groups inside it.
  mutating func render(_ range: Range<Int>, _ groups: ArraySlice<Group>) {
    var position = range.lowerBound
    var rest = groups
    while let group = rest.first {
      let inside = rest.dropFirst().prefix { $0.site.upperBound <= group.site.upperBound }
      rest = rest.dropFirst(1 + inside.count)
      copy(position..<group.site.lowerBound)
      let start = output.count
      switch group.kind {
      case .expression: writeExpression(group, inside)
      case .statements: writeStatements(group, inside)
      }
      sites[group.site] = start..<output.count
      position = group.site.upperBound
    }
    copy(position..<range.upperBound)
  }

  private mutating func writeExpression(_ group: Group, _ inside: ArraySlice<Group>) {
    write("(")
    for one in group.mutants {
      write("kvmptMutant(\(one.number)) ? (")
      writeReplacement(one)
      write(") : ")
    }
    write("(")
    render(group.site, inside)
    write("))")
  }

  private mutating func writeStatements(_ group: Group, _ inside: ArraySlice<Group>) {
    var isElse = false
    for one in group.mutants where !one.mutant.replacement.isEmpty {
      write("\(isElse ? " else " : "")if kvmptMutant(\(one.number)) { ")
      writeReplacement(one)
      write(" }")
      isElse = true
    }
    let left = group.mutants.filter(\.mutant.replacement.isEmpty)
    if let first = left.first {
      write("\(isElse ? " else " : "")if !kvmptMutant(\(first.number)) { ")
    } else {
      write(" else { ")
    }
    render(group.site, inside)
    write(" }")
  }
}
