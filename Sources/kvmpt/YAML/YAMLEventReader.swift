// YAMLEventReader: the events of YAML text, as libyaml finds them.

// Events instead of a document, because a tree of nodes takes much memory, and because what this
// program does not read is refused at the event that begins it: a document has its aliases and keys of
// every kind resolved first, which can take exponential time for a small file.
import CLibYAML

/// What stands at one place of a YAML text.
struct YAMLEvent {
  enum Kind {
    case documentStart, documentEnd, streamEnd, alias
    case sequenceStart, sequenceEnd, mappingStart, mappingEnd
    /// Text, and where it stands in ``YAMLEventReader/text``.
    case scalar(YAMLScalarStyle, Range<Int>)
  }

  let kind: Kind
  let position: SourcePosition
  var hasAnchor = false
  var hasTag = false
}

/// Why libyaml cannot go on.
struct YAMLEventError: Error {
  /// In libyaml's words.
  let problem: String
  let position: SourcePosition
  /// The construct that it is in, in libyaml's words, and where that begins.
  let context: (text: String, position: SourcePosition)?
  /// There was no memory for the next event.
  let isLackOfMemory: Bool
}

/// Reads the events of a text one by one.
@safe
struct YAMLEventReader: ~Copyable {
  /// The text of all scalars so far, in UTF-8.
  private(set) var text: [UInt8] = []
  // On the heap, because the parser points at itself.
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let source: Source

  /// What the parser has not been given yet.
  private final class Source {
    private let bytes: [UInt8]
    private var index = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Copies the next bytes into `buffer`; says how many.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
      let part = bytes[index...].prefix(buffer.count)
      unsafe buffer.copyBytes(from: part)
      index += part.count
      return part.count
    }
  }

  /// Reads `bytes`, which are UTF-8.
  init(_ bytes: [UInt8]) {
    source = Source(bytes)
    unsafe parser = .allocate(capacity: 1)
    unsafe parser.initialize(to: yaml_parser_t())
    // SAFETY: nothing but `deinit` frees the parser. Where memory is lacking, the first event says so.
    guard unsafe yaml_parser_initialize(parser) == 1 else { return }
    unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    // SAFETY: the reader keeps the source as long as the parser; libyaml gives a buffer and its size.
    unsafe yaml_parser_set_input(
      parser,
      { source, buffer, size, count in
        guard let source = unsafe source, let buffer = unsafe buffer else { return 0 }
        let reader = unsafe Unmanaged<Source>.fromOpaque(source).takeUnretainedValue()
        unsafe count?.pointee = reader.read(
          into: UnsafeMutableRawBufferPointer(start: buffer, count: size))
        return 1
      }, Unmanaged.passUnretained(source).toOpaque())
    // Nothing of it is touched before it is needed.
    text.reserveCapacity(bytes.count)
  }

  deinit {
    // SAFETY: the parser was initialized, or is all zeros, of which libyaml frees nothing.
    unsafe yaml_parser_delete(parser)
    unsafe parser.deallocate()
  }

  /// The next event; after the end of the stream, that again.
  ///
  /// - Throws: the first thing that is not YAML.
  mutating func next() throws(YAMLEventError) -> YAMLEvent {
    while true {
      var event = unsafe yaml_event_t()
      // SAFETY: the parser and the event are initialized; the event is freed here and nowhere else.
      let isParsed = unsafe yaml_parser_parse(parser, &event) == 1
      // A parser that could not be made gives no events and says no more than this.
      guard isParsed, unsafe parser.pointee.error == YAML_NO_ERROR else { throw error }
      defer { unsafe yaml_event_delete(&event) }
      if let event = unsafe read(event) { return event }
    }
  }

  /// Takes over what matters of an event; nil for the start of the stream.
  private mutating func read(_ event: yaml_event_t) -> YAMLEvent? {
    let position = unsafe Self.position(event.start_mark)
    switch unsafe event.type {
    case YAML_STREAM_START_EVENT: return nil
    case YAML_DOCUMENT_START_EVENT: return YAMLEvent(kind: .documentStart, position: position)
    case YAML_DOCUMENT_END_EVENT: return YAMLEvent(kind: .documentEnd, position: position)
    case YAML_ALIAS_EVENT: return YAMLEvent(kind: .alias, position: position)
    case YAML_SEQUENCE_END_EVENT: return YAMLEvent(kind: .sequenceEnd, position: position)
    case YAML_MAPPING_END_EVENT: return YAMLEvent(kind: .mappingEnd, position: position)
    case YAML_SEQUENCE_START_EVENT:
      let start = unsafe event.data.sequence_start
      return unsafe YAMLEvent(
        kind: .sequenceStart, position: position, hasAnchor: start.anchor != nil,
        hasTag: start.tag != nil)
    case YAML_MAPPING_START_EVENT:
      let start = unsafe event.data.mapping_start
      return unsafe YAMLEvent(
        kind: .mappingStart, position: position, hasAnchor: start.anchor != nil,
        hasTag: start.tag != nil)
    case YAML_SCALAR_EVENT:
      let scalar = unsafe event.data.scalar
      let first = text.count
      unsafe text.append(
        contentsOf: UnsafeBufferPointer(start: scalar.value, count: scalar.length))
      let style: YAMLScalarStyle =
        unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE ? .plain : .quoted
      return unsafe YAMLEvent(
        kind: .scalar(style, first..<text.count), position: position,
        hasAnchor: scalar.anchor != nil, hasTag: scalar.tag != nil)
    default: return YAMLEvent(kind: .streamEnd, position: position)
    }
  }

  private var error: YAMLEventError {
    unsafe YAMLEventError(
      problem: parser.pointee.problem.map { unsafe String(cString: $0) } ?? "the text is not YAML",
      position: Self.position(parser.pointee.problem_mark),
      context: parser.pointee.context.map {
        unsafe (String(cString: $0), Self.position(parser.pointee.context_mark))
      },
      isLackOfMemory: parser.pointee.error == YAML_MEMORY_ERROR)
  }

  private static func position(_ mark: yaml_mark_t) -> SourcePosition {
    SourcePosition(line: Int(clamping: mark.line) + 1, column: Int(clamping: mark.column) + 1)
  }
}
