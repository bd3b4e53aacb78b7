// TextInput: what a text is that was given where memory is needed.

/// A kind of text that some command reads, or that is known not to be read.
enum TextInput {
  case listing(ListingKind)
  case foreign(ForeignListing)
  case addressSpace

  /// What the text at `path` is; nil where nothing is recognised.
  init?(path: String) {
    guard let start = try? InputFile.bytes(of: path, byteLimit: 1023) else { return nil }
    if let kind = ListingText.kind(of: start) {
      self = .listing(kind)
    } else if let foreign = ForeignListing(start) {
      self = .foreign(foreign)
    } else if ComparedSide.isAddressSpace(path) {
      self = .addressSpace
    } else {
      return nil
    }
  }

  /// The name.
  var words: String {
    switch self {
    case .listing(let kind): kind.words
    case .foreign(let foreign): foreign.words
    case .addressSpace: "an address-space file"
    }
  }

  /// What to do with it.
  var hint: String {
    switch self {
    case .listing:
      "kvmpt diff and verify --expect hold it against an image; this has to be the image"
    case .foreign(let foreign): foreign.hint
    case .addressSpace: "kvmpt verify and check read it; this has to be a memory image"
    }
  }
}
