// The registers of a processor as a debugger's stub tells them.

extension ImageProcessor {
  /// The registers of the stub's first thread; nil where the stub does not describe its control registers.
  ///
  /// Source: GDB documentation, "Target Descriptions"; QEMU, gdb-xml/i386-64bit.xml.
  init?(ofStub link: GDBLink) throws(LiveSourceError) {
    guard let description = try link.features("target.xml") else { return nil }
    var documents = [description]
    for name in Self.attributes("href", of: "xi:include", in: description) {
      if let part = try link.features(name) { documents.append(part) }
    }
    let names = Self.registers(documents)
    func value(_ name: String) throws(LiveSourceError) -> UInt64? {
      guard let number = names[name],
        let bytes = GDBLink.bytes(try link.ask("p\(String(number, radix: 16))")),
        !bytes.isEmpty, bytes.count <= 8
      else { return nil }
      return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    guard let cr0 = try value("cr0"), let cr3 = try value("cr3"), let cr4 = try value("cr4"),
      let instruction = try value("rip"), let stack = try value("rsp"),
      let flags = try value("eflags"), let code = try value("cs")
    else { return nil }
    self.init(
      source: .debugger, cr0: cr0, cr2: try value("cr2") ?? 0, cr3: cr3, cr4: cr4,
      instructionPointer: instruction, stackPointer: stack, flags: flags,
      currentPrivilegeLevel: UInt8(code & 3), efer: try value("efer"), pageAttributeTable: nil)
  }

  /// The number of each register: those of a document count on from the document before, unless they say
  /// their number.
  private static func registers(_ documents: [String]) -> [String: Int] {
    var numbers: [String: Int] = [:]
    var next = 0
    for document in documents.map(withoutComments) {
      for element in elements("reg", in: document) {
        guard let name = attribute("name", of: element) else { continue }
        if let number = attribute("regnum", of: element).flatMap({ Int($0) }), number >= 0,
          number < 1 << 20
        {
          next = number
        }
        numbers[name] = numbers[name] ?? next
        next += 1
      }
    }
    return numbers
  }

  private static func withoutComments(_ document: String) -> String {
    var text = ""
    var rest = document[...]
    while let start = rest.firstRange(of: "<!--") {
      text += rest[..<start.lowerBound]
      guard let end = rest[start.upperBound...].firstRange(of: "-->") else { return text }
      rest = rest[end.upperBound...]
    }
    return text + rest
  }

  private static func attributes(
    _ attribute: String, of element: String, in document: String
  ) -> [String] {
    elements(element, in: document).compactMap { self.attribute(attribute, of: $0) }
  }

  /// What stands between `<name` and `>`.
  private static func elements(_ name: String, in document: String) -> [Substring] {
    document.split(separator: "<").compactMap { part in
      guard part.hasPrefix(name), part.dropFirst(name.count).first?.isWhitespace == true else {
        return nil
      }
      return part.prefix { $0 != ">" }
    }
  }

  private static func attribute(_ name: String, of element: Substring) -> String? {
    guard let range = element.firstRange(of: " \(name)=\"") else { return nil }
    return String(element[range.upperBound...].prefix { $0 != "\"" })
  }
}
