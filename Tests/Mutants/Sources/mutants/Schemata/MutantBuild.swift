// MutantBuild: builds the copy, and takes out the mutants that do not compile until it builds.

import Foundation

/// The built tests with every mutant that compiles.
struct MutantBuild {
  /// The mutants by number; none where one did not compile.
  private(set) var mutants: [Mutant?]
  let package: MutantPackage
  private let files: [SourceFile]
  let buildFolder: URL

  var bundle: URL { buildFolder.appending(path: "debug/kvmptPackageTests.xctest") }

  init(_ package: MutantPackage, work: URL, files: [SourceFile], mutants: [Mutant?]) {
    self.package = package
    self.files = files
    self.mutants = mutants
    buildFolder = work.appending(path: "build")
  }

  /// Builds until nothing is wrong; throws when the errors are not about mutants.
  mutating func build(jobs: Int, notCompilable: (Mutant) throws -> Void) throws {
    var round = 0
    while true {
      round += 1
      let written = try write()
      say("build \(round): \(mutants.count { $0 != nil }) mutants")
      let output = try Command.run(
        "swift",
        [
          "build", "--build-tests", "--jobs", "\(jobs)",
          "--package-path", package.folder.path, "--scratch-path", buildFolder.path,
          "-Xswiftc", "-gnone", "-Xswiftc", "-continue-building-after-errors",
        ])
      if output.status == 0 { return }
      let wrong = Set(CompilerError.all(in: output.text).flatMap { written.blamed($0) })
      if wrong.isEmpty { throw Failure("the copy does not build:\n\(output.text.suffix(6000))") }
      for number in wrong.sorted() {
        guard let mutant = mutants[number] else { continue }
        let identity = mutant.identity
        say(
          "  not compilable: \(identity.file):\(mutant.line) \(identity.before)"
            + " -> \(identity.after)")
        try notCompilable(mutant)
        mutants[number] = nil
      }
      say("  \(wrong.count) mutants do not compile")
    }
  }

  /// The mutated files of one build.
  private struct Written {
    var files: [String: MutatedFile] = [:]

    func blamed(_ error: CompilerError) -> [Int] {
      files[error.path]?.blamed(line: error.line, column: error.column) ?? []
    }
  }

  private func write() throws -> Written {
    var chosen: [String: [MutatedFile.Numbered]] = [:]
    for (number, mutant) in mutants.enumerated() {
      if let mutant { chosen[mutant.identity.file, default: []].append((number, mutant)) }
    }
    var written = Written()
    let mutated = Set(chosen.keys)
    try package.copy(except: mutated)
    for file in files {
      guard let here = chosen[file.path] else { continue }
      let text = MutatedFile(file.bytes, here)
      written.files[file.path] = text
      try package.write(file.path, text.text)
    }
    return written
  }
}

/// A line of the compiler that says "error".
struct CompilerError: Hashable {
  /// Below `Sources`.
  let path: String
  let line: Int
  let column: Int

  static func all(in output: String) -> Set<CompilerError> {
    var errors: Set<CompilerError> = []
    for line in output.split(separator: "\n") where line.contains(": error: ") {
      let parts = line.split(separator: ":", maxSplits: 3, omittingEmptySubsequences: false)
      guard parts.count == 4, let sources = parts[0].firstRange(of: "/package/Sources/"),
        let row = Int(parts[1]), let column = Int(parts[2])
      else { continue }
      errors.insert(
        CompilerError(path: String(parts[0][sources.upperBound...]), line: row, column: column))
    }
    return errors
  }
}
