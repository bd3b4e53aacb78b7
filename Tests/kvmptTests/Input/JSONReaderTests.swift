// The reader of the program's own JSON.

import Testing

@testable import kvmpt

@Suite("JSON that the program wrote is read again, and everything else refused")
struct JSONReaderTests {
  private func read(_ text: String) throws -> JSONTree {
    var reader = JSONReader(Array(text.utf8))
    return try reader.read()
  }

  @Test("Values of every kind are read")
  func values() throws {
    let tree = try read(
      #" {"a": [1, -2, 2.5, true, false, null], "b": {"c": "x\"\\\n\u00e9é"}, "d": "0xff"} "#)
    #expect(tree["a"]?.elements?.count == 6)
    #expect(tree["a"]?.elements?[1].number == -2)
    #expect(tree["a"]?.elements?[2].duration == .microseconds(2500))
    #expect(tree["b"]?["c"]?.text == "x\"\\\né\u{e9}")
    #expect(tree["d"]?.hexadecimal == 255)
    #expect(tree["e"] == nil)
  }

  @Test(
    "What is no JSON is refused",
    arguments: [
      "", "{", "[1,]", #"{"a" 1}"#, #"{"a": 1, "a": 2}"#, "tru", "1 2", #""\x""#, #""\u12g4""#,
      "\"\u{1}\"", "\"open", "nul", "-", "[1", #"{"a": }"#,
    ])
  func refused(_ text: String) {
    #expect(throws: JSONSyntaxError.self) { try read(text) }
  }

  @Test("Depth is limited")
  func depth() {
    #expect(throws: JSONSyntaxError.self) {
      try read(String(repeating: "[", count: 100_000))
    }
  }
}
