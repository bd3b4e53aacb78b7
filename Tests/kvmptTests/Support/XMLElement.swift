// XMLElement: the part of XML that reports use, read with every mistake noticed.
//
// Source: W3C, Extensible Markup Language 1.0, sections 2.1 (well-formed documents), 3.1 (tags).

/// An element with its attributes, elements inside, and text.
struct XMLElement {
  let name: String
  private(set) var attributes: [String: String] = [:]
  private(set) var children: [XMLElement] = []
  private(set) var text = ""

  struct Malformed: Error { let reason: String }

  /// The children called `name`.
  func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }

  /// Reads a document: a declaration and one element.
  init(document: String) throws {
    guard document.hasPrefix("<?xml "), let end = document.firstRange(of: "?>") else {
      throw Malformed(reason: "no declaration")
    }
    var rest = document[end.upperBound...]
    rest = rest.drop { $0.isWhitespace }
    self = try XMLElement(&rest)
    guard rest.allSatisfy(\.isWhitespace) else { throw Malformed(reason: "text after the root") }
  }

  private init(_ rest: inout Substring) throws {
    guard
      let tag = rest.prefixMatch(
        of: /<([a-z-]+)((?:\s+[a-z-]+="[^"<]*")*)\s*(\/?)>/)
    else { throw Malformed(reason: "no tag at \(rest.prefix(40))") }
    name = String(tag.1)
    for attribute in tag.2.matches(of: /([a-z-]+)="([^"]*)"/) {
      let old = attributes.updateValue(
        try Self.unescaped(attribute.2), forKey: String(attribute.1))
      if old != nil { throw Malformed(reason: "\(attribute.1) twice") }
    }
    rest = rest[tag.range.upperBound...]
    if !tag.3.isEmpty { return }
    while true {
      let content = rest.prefix { $0 != "<" }
      text += try Self.unescaped(content)
      rest = rest[content.endIndex...]
      if rest.hasPrefix("</\(name)>") {
        rest = rest.dropFirst(name.count + 3)
        return
      }
      if rest.isEmpty { throw Malformed(reason: "\(name) has no end") }
      children.append(try XMLElement(&rest))
    }
  }

  private static func unescaped(_ text: Substring) throws -> String {
    let plain = text.replacing(/&(?:lt|gt|amp|quot|apos|#[0-9]+);/, with: "")
    if plain.contains("&") { throw Malformed(reason: "a bare &") }
    return String(text).replacing("&lt;", with: "<").replacing("&gt;", with: ">")
      .replacing("&quot;", with: "\"").replacing("&apos;", with: "'").replacing("&amp;", with: "&")
  }
}
