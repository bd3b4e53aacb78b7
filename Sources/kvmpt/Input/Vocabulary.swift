// Vocabulary: the keys that an object of an address-space file may have, and near misses.

import MMU

/// The keys of one kind of object, in the order in which messages list them.
struct Vocabulary {
  /// What has the keys, such as "a mapping".
  let owner: String
  let keys: [String]
  /// Words of other tools, and the key that they mean.
  let synonyms: [String: String]

  static let file = Vocabulary(
    owner: "an address space",
    keys: [
      "name", "description", "levels", "memory", "processor", "recursive-slot", "mappings",
      "expect",
    ],
    synonyms: [
      "ram": "memory", "title": "name", "cpu": "processor", "expectations": "expect",
      "regions": "mappings", "maps": "mappings", "paging": "levels",
      "recursive": "recursive-slot", "recursive-entry": "recursive-slot",
      "self-map": "recursive-slot",
    ])

  static let processor = Vocabulary(
    owner: "the processor",
    keys: ["wp", "nxe"] + AccessControl.allCases.dropFirst().map(\.rawValue),
    synonyms: ["nx": "nxe", "xd": "nxe", "pku": "pke"])

  static let memoryRange = Vocabulary(
    owner: "a range of memory", keys: ["base", "size"],
    synonyms: [
      "start": "base", "address": "base", "physical": "base", "from": "base", "length": "size",
      "bytes": "size",
    ])

  static let recursiveSlot = Vocabulary(
    owner: "the recursive slot", keys: ["index", "rights", "user"],
    synonyms: ["slot": "index", "entry": "index", "flags": "rights", "us": "user"])

  static let mapping = Vocabulary(
    owner: "a mapping",
    keys: [
      "name", "linear", "physical", "size", "rights", "user", "page", "memory-type", "key",
      "global", "accessed", "dirty", "software-bits", "device",
    ],
    synonyms: [
      "address": "linear", "virtual": "linear", "va": "linear", "vaddr": "linear",
      "pa": "physical", "paddr": "physical", "phys": "physical", "length": "size",
      "bytes": "size", "flags": "rights", "permissions": "rights", "prot": "rights",
      "page-size": "page", "cache": "memory-type", "pat": "memory-type", "pkey": "key",
      "protection-key": "key", "mmio": "device", "us": "user",
    ])

  static let expectation = Vocabulary(
    owner: "an expectation",
    keys: ["address", "access", "cpl", "outcome", "error-code", "physical"],
    synonyms: [
      "linear": "address", "va": "address", "privilege": "cpl", "ring": "cpl",
      "error": "error-code", "result": "outcome", "kind": "access", "pa": "physical",
    ])

  /// The keys of all objects, each once; fewer than 256.
  static let allKeys: [String] =
    [file, processor, memoryRange, recursiveSlot, mapping, expectation]
    .reduce(into: []) { all, vocabulary in
      all += vocabulary.keys.filter { !all.contains($0) }
    }

  /// What to say about a key that is not one of ours.
  func hint(for key: String) -> String {
    if let suggestion = suggestion(for: key) { return "did you mean '\(suggestion)'?" }
    return enumeration
  }

  /// The hint that needs no search.
  var enumeration: String { "\(owner) has the keys \(keys.joined(separator: ", "))" }

  private func suggestion(for key: String) -> String? {
    let spelling = key.lowercased().replacing("_", with: "-")
    if keys.contains(spelling) { return spelling }
    let near = nearestWord(to: spelling, among: keys + synonyms.keys.sorted())
    return synonyms[spelling] ?? near.map { synonyms[$0] ?? $0 }
  }
}

/// The word that needs the fewest edits to become `text`, when they are few for its length.
func nearestWord(to text: String, among words: [String]) -> String? {
  let characters = Array(text.utf8)
  guard characters.count <= 32 else { return nil }
  var best: (word: String, distance: Int)?
  for word in words {
    let limit = max(1, min(characters.count, word.utf8.count) / 3)
    if abs(characters.count - word.utf8.count) > limit { continue }
    let distance = editDistance(characters, Array(word.utf8))
    if distance <= limit && distance < best?.distance ?? .max { best = (word, distance) }
  }
  return best?.word
}

/// The number of insertions, deletions, replacements and swaps of neighbours between two words.
private func editDistance(_ first: [UInt8], _ second: [UInt8]) -> Int {
  var beforePrevious: [Int] = []
  var previous = Array(0...second.count)
  for row in 0..<first.count {
    var current = [row + 1]
    for column in 0..<second.count {
      let replacement = previous[column] + (first[row] == second[column] ? 0 : 1)
      var distance = min(replacement, previous[column + 1] + 1, current[column] + 1)
      let isSwap =
        row > 0 && column > 0 && first[row] == second[column - 1]
        && first[row - 1] == second[column]
      if isSwap { distance = min(distance, beforePrevious[column - 1] + 1) }
      current.append(distance)
    }
    (beforePrevious, previous) = (previous, current)
  }
  return previous[second.count]
}
