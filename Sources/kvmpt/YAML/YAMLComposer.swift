// YAMLComposer: from the events of YAML text to its tree.

/// Builds a tree event by event, and refuses what this program does not read: anchors, aliases,
/// tags, keys that are collections, keys that are given twice, deep nesting, too many values, more
/// than one document.
struct YAMLComposer: ~Copyable {
  /// Collections may be nested this deep; address-space files need 3.
  static let nestingLimit = 32
  /// The largest number of keys and values, which a collection is, too: enough for more than a
  /// hundred thousand mappings.
  static let valueLimit = 1_000_000

  private let bytes: [UInt8]
  private var reader: YAMLEventReader
  private var records: [YAMLTree.Record] = []
  /// The collections that are not closed, by the number of their record.
  private var open: [Int] = []

  /// The tree of the only document in `bytes`; nil when there is none.
  ///
  /// - Throws: the first thing that is not YAML, or that is refused.
  /// - Complexity: O(*n*) in the number of bytes.
  static func tree(of bytes: [UInt8]) throws(InputProblem) -> YAMLTree? {
    var composer = YAMLComposer(bytes)
    return try composer.compose()
  }

  private init(_ bytes: [UInt8]) {
    self.bytes = bytes
    reader = YAMLEventReader(bytes)
    // Nothing of it is touched before it is needed.
    records.reserveCapacity(bytes.count / 4)
  }

  private mutating func next() throws(InputProblem) -> YAMLEvent {
    do throws(YAMLEventError) {
      return try reader.next()
    } catch {
      throw YAMLSyntaxProblem.problem(for: error, in: bytes[...])
    }
  }

  private mutating func compose() throws(InputProblem) -> YAMLTree? {
    guard case .documentStart = try next().kind else { return nil }
    while true {
      let event = try next()
      if case .documentEnd = event.kind { break }
      try add(event)
    }
    let end = try next()
    if case .documentStart = end.kind {
      throw InputProblem(
        "several-documents", at: end.position, "the file holds more than one YAML document",
        hint: "keep one address space per file")
    }
    return YAMLTree(records: records, text: reader.text)
  }

  private mutating func add(_ event: YAMLEvent) throws(InputProblem) {
    if event.hasAnchor || event.hasTag { throw propertyProblem(event) }
    switch event.kind {
    case .alias: throw propertyProblem(event)
    case .scalar(let style, let range):
      try addRecord(style == .plain ? .plain : .quoted, at: event.position, range)
    case .sequenceStart: try enter(.sequence, at: event.position)
    case .mappingStart: try enter(.mapping, at: event.position)
    case .sequenceEnd, .mappingEnd: try leave()
    case .documentStart, .documentEnd, .streamEnd: break
    }
  }

  private mutating func enter(
    _ kind: YAMLTree.Record.Kind, at position: SourcePosition
  ) throws(InputProblem) {
    if let outer = open.last, records[outer].kind == .mapping, records[outer].start % 2 == 0 {
      throw InputProblem(
        "complex-key", at: position, "a key cannot be a list or have keys of its own",
        hint: "start with a word such as 'linear:'")
    }
    if open.count == Self.nestingLimit {
      throw InputProblem(
        "nested-too-deep", at: position,
        "values are nested deeper than \(Self.nestingLimit) levels",
        hint: "address-space files need 3 levels")
    }
    try addRecord(kind, at: position, 0..<0)
    open.append(records.count - 1)
  }

  private mutating func leave() throws(InputProblem) {
    guard let index = open.popLast() else { return }
    records[index].end = UInt32(clamping: records.count)
    if records[index].kind == .mapping { try checkKeys(of: index) }
  }

  private mutating func addRecord(
    _ kind: YAMLTree.Record.Kind, at position: SourcePosition, _ range: Range<Int>
  ) throws(InputProblem) {
    if records.count == Self.valueLimit {
      throw InputProblem(
        "too-many-values", at: position,
        "the file has more than \(grouped(Self.valueLimit)) keys and values",
        hint: "one range of pages is one mapping, however many pages it has")
    }
    if let outer = open.last { records[outer].start += 1 }
    records.append(
      YAMLTree.Record(
        kind: kind, line: UInt32(clamping: position.line),
        column: UInt32(clamping: position.column), start: UInt32(clamping: range.lowerBound),
        end: UInt32(clamping: range.upperBound)))
  }

  /// Refuses keys that are given twice.
  ///
  /// - Complexity: O(*n* log *n*) in the number of keys.
  private func checkKeys(of mapping: Int) throws(InputProblem) {
    // By key, where it is first, and whether it comes again.
    var places: [ArraySlice<UInt8>: (first: Int, isRepeated: Bool)] = [:]
    var hasRepeated = false
    var key = mapping + 1
    while key < records[mapping].end {
      let text = reader.text[Int(records[key].start)..<Int(records[key].end)]
      if let place = places.updateValue((key, false), forKey: text) {
        places[text] = (place.first, true)
        hasRepeated = true
      }
      key = recordBehind(key + 1)
    }
    guard hasRepeated else { return }
    let repeated = places.filter(\.value.isRepeated).sorted { $0.value.first < $1.value.first }
    guard let first = repeated.first.map({ records[$0.value.first] }) else { return }
    let names = repeated.prefix(10).map { quoted(String(decoding: $0.key, as: UTF8.self)) }
    let more = repeated.count > names.count ? ", and \(repeated.count - names.count) more," : ""
    throw InputProblem(
      "duplicate-key", at: SourcePosition(line: Int(first.line), column: Int(first.column)),
      "\(repeated.count == 1 ? "the key" : "the keys") \(names.joined(separator: ", "))\(more) "
        + "\(repeated.count == 1 ? "is" : "are") given again further down", hint: "keep one of them"
    )
  }

  /// The number of the record behind a value and all that it holds.
  private func recordBehind(_ value: Int) -> Int {
    switch records[value].kind {
    case .plain, .quoted: value + 1
    case .sequence, .mapping: Int(records[value].end)
    }
  }

  private func propertyProblem(_ event: YAMLEvent) -> InputProblem {
    let isTag = event.hasTag && !(event.hasAnchor && isAnchor(at: event.position))
    if isTag {
      return InputProblem(
        "yaml-tag", at: event.position, "tags are not read",
        hint: "remove the tag, or put the value in quotes if it is text")
    }
    return InputProblem(
      "yaml-alias", at: event.position, "anchors and aliases are not read",
      hint: "write the value out, or put it in quotes if it is text")
  }

  private func isAnchor(at position: SourcePosition) -> Bool {
    YAMLSyntaxProblem.Surroundings(of: position, in: bytes[...]).byte == UInt8(ascii: "&")
  }
}
