// SourceFile: one file of the modules, with its mutants.

import Foundation
import SwiftSyntax

/// A Swift file below `Sources`, as it was read.
struct SourceFile: Sendable {
  /// The modules whose functions decide.
  static let modules = ["MMU", "Inspection", "GuestMem", "KVM", "Probe", "kvmpt"]

  let path: String
  let bytes: [UInt8]
  let mutants: [Mutant]

  /// Reads the files of all modules, sorted by path.
  static func all(in root: URL) throws -> [SourceFile] {
    var files: [SourceFile] = []
    let sources = root.appending(path: "Sources")
    for module in modules {
      let folder = sources.appending(path: module)
      let names = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
      for name in names.sorted() where name.hasSuffix(".swift") {
        let bytes = [UInt8](try Data(contentsOf: folder.appending(path: name)))
        files.append(SourceFile(path: "\(module)/\(name)", bytes: bytes))
      }
    }
    return files
  }

  init(path: String, bytes: [UInt8]) {
    self.path = path
    self.bytes = bytes
    // A file of messages is text for people.
    let isText = path.hasSuffix("+Message.swift") || path.hasSuffix("+Text.swift")
    mutants = isText ? [] : Self.mutants(path, bytes)
  }

  private static func mutants(_ path: String, _ bytes: [UInt8]) -> [Mutant] {
    let lines = LineTable(bytes)
    var digests: [Range<Int>: String] = [:]
    var equals: [Mutant.Identity: Int] = [:]
    return MutantFinder.candidates(in: String(decoding: bytes, as: UTF8.self)).map { candidate in
      let node = candidate.functionNode
      let function =
        node.positionAfterSkippingLeadingTrivia
        .utf8Offset..<node.endPositionBeforeTrailingTrivia.utf8Offset
      let digest =
        digests[function]
        ?? StableHash(node.tokens(viewMode: .sourceAccurate).map(\.text).joined(separator: " "))
        .digest
      digests[function] = digest
      let before = String(decoding: bytes[candidate.site], as: UTF8.self)
      func identity(_ ordinal: Int) -> Mutant.Identity {
        Mutant.Identity(
          file: path, function: candidate.function, edit: candidate.edit, before: short(before),
          after: short(candidate.replacement), ordinal: ordinal)
      }
      let ordinal = equals[identity(0), default: 0] + 1
      equals[identity(0)] = ordinal
      let line = lines.line(of: candidate.site.lowerBound)
      return Mutant(
        identity: identity(ordinal), functionDigest: digest, site: candidate.site,
        kind: candidate.kind, replacement: candidate.replacement, function: function, line: line,
        lineText: lines.text(of: line, in: bytes))
    }
  }

  /// On one line; a long text is cut and gets its digest.
  static func short(_ text: String) -> String {
    let line = text.split { $0.isWhitespace }.joined(separator: " ")
    return line.count <= 120 ? line : "\(line.prefix(100))… \(StableHash(line).digest)"
  }
}
