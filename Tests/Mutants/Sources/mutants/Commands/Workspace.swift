// Workspace: the sources, what is known of their mutants, and where the tool works.

import ArgumentParser
import Foundation

/// Options that every command has.
struct WorkspaceOptions: ParsableArguments {
  @Option(help: "The folder of the package kvmpt.")
  var root = "."

  @Option(help: "The seed of the choice.")
  var seed = "kvmpt"
}

/// What a command knows before it does anything.
struct Workspace {
  let root: URL
  let work: URL
  let files: [SourceFile]
  /// All mutants, in the order of the seed.
  let mutants: [Mutant]
  let byIdentity: [Mutant.Identity: Mutant]
  var results: MutantTable
  let equivalents: MutantTable

  static let resultsHeading =
    "# What is known of each mutant: file, function, edit, before, after, number among equals,"
    + " digest of the function, outcome. Written by the tool."

  init(_ options: WorkspaceOptions) throws {
    root = URL(filePath: options.root).standardizedFileURL
    work = root.appending(path: ".build/mutants")
    try FileManager.default.createDirectory(at: work, withIntermediateDirectories: true)
    files = try SourceFile.all(in: root)
    mutants = MutantChoice(seed: options.seed).ordered(files.flatMap(\.mutants))
    byIdentity = Dictionary(mutants.map { ($0.identity, $0) }) { first, _ in first }
    results = try MutantTable(root.appending(path: "Tests/Mutants/results.tsv"))
    equivalents = try MutantTable(root.appending(path: "Tests/Mutants/equivalents.tsv"))
  }

  /// True when a line is about a mutant of the function as it is now.
  func isCurrent(_ identity: Mutant.Identity, _ line: MutantTable.Line) -> Bool {
    byIdentity[identity]?.functionDigest == line.functionDigest
  }

  /// What is known of a mutant; a line about an older function says nothing.
  func judgement(of mutant: Mutant) -> Judgement? {
    if let line = equivalents[mutant.identity], line.functionDigest == mutant.functionDigest {
      return .equivalent(reason: line.text)
    }
    guard let line = results[mutant.identity], line.functionDigest == mutant.functionDigest else {
      return nil
    }
    return Judgement(line.text[...])
  }

  /// Lines of a table whose mutant is gone, or whose function changed.
  func stale(in table: MutantTable) -> [Mutant.Identity] {
    table.lines.filter { !isCurrent($0.key, $0.value) }.map(\.key)
  }

  /// The mutants that are judged or will be, in the order of the seed: those with a result, then
  /// those of the seed until there are `count`, whether they compile or not.
  func chosen(_ count: Int) -> [Mutant] {
    let known = mutants.count { judgement(of: $0) != nil }
    var missing = max(0, count - known)
    return mutants.filter { mutant in
      if judgement(of: mutant) != nil { return true }
      if missing == 0 { return false }
      missing -= 1
      return true
    }
  }

  mutating func save(_ mutant: Mutant, _ judgement: Judgement) throws {
    results.set(mutant, judgement.text)
    try results.save(heading: Self.resultsHeading)
  }
}
