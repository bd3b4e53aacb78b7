// Texts from outside in lines of ours: which characters stay, and how much of a long text is shown.

import Testing

@testable import kvmpt

@Suite("A text from outside is one harmless line, and a long one is shown in part")
struct PlainTextTests {
  /// The rule as `PlainText` documents it, without a shortcut for harmless texts.
  private static func expected(_ text: [Unicode.Scalar]) -> String {
    var shown: [Unicode.Scalar] = []
    for (index, scalar) in text.enumerated() {
      let isControl = scalar.value < 0x20 || scalar.value == 0x7f
      let isCommand = scalar == "#" && index > 0 && text[index - 1] == "#"
      shown.append(isControl || isCommand ? "\u{fffd}" : scalar)
    }
    let blankCount = shown.prefix { $0 == " " }.count
    if shown.dropFirst(blankCount).starts(with: [":", ":"]) { shown[blankCount] = "\u{fffd}" }
    return String(String.UnicodeScalarView(shown))
  }

  private static func text(_ scalars: [Unicode.Scalar]) -> String {
    String(String.UnicodeScalarView(scalars))
  }

  @Test("Every two characters of ASCII, alone and between others")
  func pairs() {
    let ascii = (0..<128).compactMap { Unicode.Scalar(UInt32($0)) }
    for first in ascii {
      for second in ascii {
        for scalars in [[first, second], ["a", first, second, "b"], [" ", first, second]] {
          #expect(PlainText.oneLine(Self.text(scalars)) == Self.expected(scalars))
        }
      }
    }
  }

  @Test("Every text of up to five characters that begin or end commands")
  func commands() {
    var texts: [[Unicode.Scalar]] = [[]]
    var last = texts
    for _ in 0..<5 {
      last = last.flatMap { text in
        ([" ", ":", "#", "a", "\n"] as [Unicode.Scalar]).map { text + [$0] }
      }
      texts += last
    }
    #expect(texts.count == 3906)
    for scalars in texts {
      #expect(PlainText.oneLine(Self.text(scalars)) == Self.expected(scalars), "\(scalars)")
    }
  }

  @Test("Beyond ASCII letters stay, and what is not seen, or turns its neighbours round, does not")
  func beyond() {
    let hidden: [ClosedRange<UInt32>] = [
      0x80...0x9f, 0xad...0xad, 0x200b...0x200f, 0x2028...0x202e, 0x2060...0x2064,
      0x2066...0x206f, 0xfeff...0xfeff, 0xfff9...0xfffb, 0xfffe...0xffff, 0x1_fffe...0x1_ffff,
      0xe_0020...0xe_007f, 0x10_fffe...0x10_ffff,
    ]
    for value in hidden.joined() {
      guard let scalar = Unicode.Scalar(value) else { continue }
      #expect(PlainText.oneLine("a\(scalar)b") == "a\u{fffd}b", "\(String(value, radix: 16))")
    }
    for scalar in "\u{a0}¡\u{ac}®\u{ff}ß€\u{2010}\u{2027}\u{202f}\u{205f}漢𝔵\u{fffc}\u{fffd}"
      .unicodeScalars
    {
      #expect(PlainText.oneLine("a\(scalar)b") == "a\(scalar)b")
    }
  }

  @Test("Sixty characters of a quoted text are shown, and that there are more", arguments: 0...130)
  func quotedText(_ count: Int) {
    let letters = String(
      (0..<count).map { Character(Unicode.Scalar(UInt8(ascii: "a") + UInt8($0 % 26))) })
    let shown = letters.prefix(60)
    #expect(quoted(letters) == (count > 60 ? "'\(shown)…'" : "'\(letters)'"))
    // A character is a scalar: what is put together of many does not make a long text short.
    let marks = "e" + String(repeating: "\u{301}", count: count)
    let scalars = String(String.UnicodeScalarView(marks.unicodeScalars.prefix(60)))
    #expect(quoted(marks) == (count >= 60 ? "'\(scalars)…'" : "'\(marks)'"))
    #expect(quoted("\n" + letters).hasPrefix("'\u{fffd}"))
  }
}
