// Words that are nearly right: what was meant.

import Testing

@testable import kvmpt

@Suite("A word that is nearly right is told what was meant, and one that is not is not")
struct NearMissTests {
  @Test(
    "The nearest of several words is meant, the first of equally near ones, whatever their order")
  func nearest() {
    let near = ["abcdefx", "abcdexx", "abcxefg", "zzzzzzz"]
    // One edit, two, one, seven.
    #expect(nearestWord(to: "abcdefg", among: near) == "abcdefx")
    #expect(nearestWord(to: "abcdefg", among: near.reversed()) == "abcxefg")
    #expect(nearestWord(to: "abcdefg", among: ["abcdexx", "abcdefx"]) == "abcdefx")
    #expect(nearestWord(to: "abcdefg", among: ["abcdefx", "abcdexx"]) == "abcdefx")
    #expect(nearestWord(to: "abcdefg", among: ["abcdefg", "abcdefx"]) == "abcdefg")
    #expect(nearestWord(to: "abcdefg", among: ["abcdefx", "abcdefg"]) == "abcdefg")
  }

  @Test(
    "A third of the shorter word may be edited, one letter at least, and no word is longer than 32")
  func limits() {
    let letters = "abcdefghijklmnopqrstuvwxyzabcdefgh"
    for length in 1...34 {
      let word = String(letters.prefix(length))
      for edits in 0...length {
        // The last letters are others.
        let text = word.prefix(length - edits) + String(repeating: "!", count: edits)
        let isNear = edits <= max(1, length / 3) && length <= 32
        #expect(
          nearestWord(to: String(text), among: [word]) == (isNear ? word : nil),
          "\(edits) of \(length)")
      }
      // Letters that are missing count as much.
      for missing in 0..<length {
        let text = String(word.prefix(length - missing))
        let isNear = missing <= max(1, (length - missing) / 3) && length - missing <= 32
        #expect(nearestWord(to: text, among: [word]) == (isNear ? word : nil))
      }
    }
    #expect(nearestWord(to: "abc", among: []) == nil)
    // Neighbours that are swapped are one edit.
    #expect(nearestWord(to: "bacd", among: ["abcd"]) == "abcd")
    #expect(nearestWord(to: "badc", among: ["abcd"]) == nil)
  }

  @Test("Rights that are none are told which were meant, every text of up to four letters")
  func rights() {
    let reader = AddressSpaceFileReader(limits: InputLimits())
    var texts = [""]
    var last = texts
    for _ in 0..<4 {
      last = last.flatMap { text in "rwxRW-a".map { text + String($0) } }
      texts += last
    }
    var hints: [String: Int] = [:]
    for text in texts {
      let file = "memory: 4MiB\nmappings: [{linear: 0, size: 4KiB, rights: \"\(text)\"}]\n"
      var found: InputProblem?
      if case .problems(let problems, _) = reader.read(Array(file.utf8), path: "x") {
        found = problems.first { $0.id == "bad-rights" }
      }
      let letters = Array(text)
      let isRight =
        letters.count == 3 && zip(letters, "rwx").allSatisfy { $0 == $1 || $0 == "-" }
      guard !isRight else {
        #expect(found == nil, "\(text)")
        continue
      }
      let isMeant = !letters.isEmpty && letters.count <= 3 && !letters.contains("a")
      func letter(_ small: Character, _ large: Character) -> Character {
        letters.contains(small) || letters.contains(large) ? small : "-"
      }
      let meant = String([letter("r", "R"), letter("w", "W"), letter("x", "X")])
      let hint =
        isMeant
        ? "did you mean \(meant)?"
        : "write r, w and x in this order, with '-' for what is missing, such as r-x"
      #expect(found?.hint == hint, "\(text)")
      #expect(found?.message == "'\(text)' are not rights")
      hints[hint, default: 0] += 1
    }
    // Each of the eight rights is meant by some text.
    #expect(hints.count == 9)
  }
}
