// AddressSpaceFile: an address space and where each part of it is written.

import Probe

/// What an address-space file says.
struct AddressSpaceFile: Sendable {
  /// The path as given, for messages.
  let path: String
  /// The free text of the file; may be empty.
  let summary: String
  let addressSpace: AddressSpace
  let positions: AddressSpacePositions
}

/// Where the parts of an address space stand in their file.
struct AddressSpacePositions: Sendable {
  var levels = SourcePosition.start
  var memory = SourcePosition.start
  var memoryRanges: [FieldPositions] = []
  var recursiveIndex = SourcePosition.start
  var recursiveRights = SourcePosition.start
  var mappings: [FieldPositions] = []
  var expectations: [FieldPositions] = []

  /// The place of what a problem is about.
  subscript(subject: AddressSpaceSubject) -> SourcePosition {
    switch subject {
    case .rootLevel: levels
    case .memory: memory
    case .memoryRange(let index, .base): position(in: memoryRanges, index, "base")
    case .memoryRange(let index, .byteCount): position(in: memoryRanges, index, "size")
    case .recursiveSlot(.index): recursiveIndex
    case .recursiveSlot(.rights): recursiveRights
    case .mapping(let index, let field): position(in: mappings, index, field.key)
    case .expectation(let index, let field): position(in: expectations, index, field.key)
    }
  }

  private func position(
    in list: [FieldPositions], _ index: Int, _ key: String
  ) -> SourcePosition {
    list.indices.contains(index) ? list[index][key] : .start
  }
}

/// Where an object of the file starts, and where the values of its keys stand.
///
/// It takes 12 bytes for a key: a file may have a hundred thousand objects.
struct FieldPositions: Sendable {
  let start: SourcePosition
  private let values: [Value]

  private struct Value {
    let line: UInt32
    let column: UInt32
    /// The key's number in ``Vocabulary/allKeys``.
    let keyNumber: UInt8
  }

  /// Takes the places of an object and of its values, by keys that some ``Vocabulary`` has.
  init(start: SourcePosition, values: [String: SourcePosition]) {
    self.start = start
    self.values = values.compactMap { key, position in
      Self.number(of: key).map {
        Value(
          line: UInt32(clamping: position.line), column: UInt32(clamping: position.column),
          keyNumber: $0)
      }
    }
  }

  private static func number(of key: String) -> UInt8? {
    Vocabulary.allKeys.firstIndex(of: key).map { UInt8(truncatingIfNeeded: $0) }
  }

  /// The value's place, or the object's where the key is missing.
  subscript(key: String) -> SourcePosition {
    let number = Self.number(of: key)
    guard let value = values.first(where: { $0.keyNumber == number }) else { return start }
    return SourcePosition(line: Int(value.line), column: Int(value.column))
  }
}

extension MappingField {
  /// The key of the file that says it.
  var key: String {
    switch self {
    case .name: "name"
    case .linearAddress: "linear"
    case .physicalAddress: "physical"
    case .byteCount: "size"
    case .rights: "rights"
    case .protectionKey: "key"
    case .softwareBits: "software-bits"
    }
  }
}

extension ExpectationField {
  /// The key of the file that says it.
  var key: String {
    switch self {
    case .linearAddress: "address"
    case .outcome: "outcome"
    case .errorCode: "error-code"
    case .physicalAddress: "physical"
    }
  }
}
