// AddressSpaceFileReader: the way from the bytes of a file to an address space that passes check().

import Probe

/// Reads address-space files and finds everything that is wrong with them.
struct AddressSpaceFileReader {
  /// Problems beyond this many are counted but not kept.
  static let problemLimit = 100

  var limits: InputLimits

  /// What reading came to: a file, or at least one problem.
  enum Outcome {
    /// A file whose address space passes ``AddressSpace/check()``.
    case file(AddressSpaceFile)
    /// Everything that is wrong, in the order of the file, and how much more there is.
    case problems([InputProblem], droppedCount: Int)
  }

  /// Reads the content of a file.
  ///
  /// Text that is not YAML stops at the first mistake; all mistakes of meaning come together.
  ///
  /// - Complexity: O(*n* log *n*) in the number of bytes.
  func read(_ bytes: [UInt8], path: String) -> Outcome {
    let decoder: AddressSpaceDecoder
    let addressSpace: AddressSpace
    do throws(InputProblem) {
      (decoder, addressSpace) = try decoded(bytes)
    } catch {
      return .problems([error], droppedCount: 0)
    }
    var problems = decoder.problems
    problems += self.problems(of: addressSpace, at: decoder.positions)
    guard problems.isEmpty else {
      problems.sort { ($0.position, $0.id, $0.message) < ($1.position, $1.id, $1.message) }
      let kept = problems.prefix(Self.problemLimit)
      return .problems(Array(kept), droppedCount: problems.count - kept.count)
    }
    return .file(
      AddressSpaceFile(
        path: path, summary: decoder.summary, addressSpace: addressSpace,
        positions: decoder.positions))
  }

  /// What the file says, and where.
  ///
  /// The tree of its values, which takes 300 bytes for a mapping, ends here.
  private func decoded(
    _ bytes: [UInt8]
  ) throws(InputProblem) -> (decoder: AddressSpaceDecoder, addressSpace: AddressSpace) {
    let content = try SourceText.checked(bytes, byteLimit: limits.fileByteCount)
    guard let root = try YAMLDocument.root(of: content) else { throw Self.emptyFileProblem }
    var decoder = AddressSpaceDecoder()
    let addressSpace = decoder.decode(root)
    return (decoder, addressSpace)
  }

  private static let emptyFileProblem = InputProblem(
    "empty-file", at: .start, "the file says nothing",
    hint: "an address space has at least 'memory: 64MiB' and 'mappings:'; see Examples")

  /// The contradictions of the address space, at the places that wrote them.
  private func problems(
    of space: AddressSpace, at positions: AddressSpacePositions
  ) -> [InputProblem] {
    var problems = space.check().map { problem in
      var message = problem.message
      if let (index, field) = problem.relatedMapping {
        let position = positions[.mapping(index, field)]
        message += " (also by \(quoted(space.mappings[index].name)) in line \(position.line))"
      } else if let index = problem.relatedMemoryRange {
        let position = positions[.memoryRange(index, .base)]
        message += " (the other is in line \(position.line))"
      } else if let index = problem.relatedExpectation {
        let position = positions[.expectation(index, .outcome)]
        message += " (the other is in line \(position.line))"
      }
      return InputProblem(
        problem.id, at: positions[problem.subject], message, hint: problem.hint)
    }
    let memory = space.memoryByteCount
    if memory > limits.memoryByteCount && memory < 1 << 52 {
      problems.append(
        InputProblem(
          "memory-exceeds-host", at: positions.memory,
          "\(ByteCount(memory)) of guest memory are more than this host has "
            + "(\(limits.memoryByteCount >> 20) MiB)",
          hint: "give less memory; addresses without memory behind them can be a device"))
    }
    return problems
  }
}
