// PageComparison: two images, leaf by leaf, as `dump` shows them.

import Testing

/// The leaves of an image and of its changed copy.
struct PageComparison {
  /// What `dump` says of a leaf.
  private struct Leaf: Equatable {
    var physical: UInt64
    var byteCount: UInt64
    var attributes: String
    var rights: String
  }

  private let before: [UInt64: Leaf]
  private let after: [UInt64: Leaf]

  init(_ original: String, _ copy: String, _ options: [String]) throws {
    before = try Self.leaves(original, options)
    after = try Self.leaves(copy, options)
  }

  /// Pages, by their linear address, that are not what they were, rights that they got left out; the
  /// page of `address` may have changed in any way.
  func harmed(besides address: UInt64) -> [UInt64] {
    before.compactMap { linear, old in
      if address >= linear && address - linear < old.byteCount { return nil }
      guard let new = after[linear], new.physical == old.physical, new.byteCount == old.byteCount,
        new.attributes == old.attributes,
        zip(old.rights, new.rights).allSatisfy({ $0 == "-" || $0 == $1 })
      else { return linear }
      return nil
    }.sorted()
  }

  /// How many pages besides that of `address` got a right.
  func opened(besides address: UInt64) -> Int {
    before.count { linear, old in
      !(address >= linear && address - linear < old.byteCount)
        && after[linear].map { $0.rights != old.rights } ?? false
    }
  }

  private static func leaves(_ path: String, _ options: [String]) throws -> [UInt64: Leaf] {
    let run = try ProgramRun(
      ["dump", path, "--format", "json"] + tableOptions(options),
      replays: false)
    let report = try JSONValue(json: run.output)
    var leaves: [UInt64: Leaf] = [:]
    for mapping in report["mappings"]?.elements ?? [] {
      // What is present and leads nowhere maps nothing.
      if mapping["dead-end"] != nil { continue }
      let linear = try number(mapping["linear"])
      // Tables that were listed before, which were compared there.
      if let original = mapping["repeats"] {
        leaves[linear] = Leaf(
          physical: 0, byteCount: try number(mapping["bytes"]), attributes: "\(original)",
          rights: "---")
        continue
      }
      let physical = try number(mapping["physical"])
      let pages = UInt64(try #require(mapping["pages"]?.number))
      let byteCount = try number(mapping["bytes"]) / pages
      for page in 0..<pages {
        leaves[linear &+ page &* byteCount] = Leaf(
          physical: physical &+ page &* byteCount, byteCount: byteCount,
          attributes: "\(mapping["pat-index"] as Any) \(mapping["key"] as Any)",
          rights: rights(mapping))
      }
    }
    try #require(!leaves.isEmpty, "\(path): \(run.errors)")
    return leaves
  }

  private static func tableOptions(_ options: [String]) -> [String] {
    let names: Set<String> = [
      "--cr3", "--vcpu", "--base", "--levels", "--physical-bits", "--nxe", "--1gib-pages",
      "--vendor",
    ]
    return zip(options, options.dropFirst()).filter { names.contains($0.0) }.flatMap {
      [$0.0, $0.1]
    }
  }

  /// The rights that the entries of all levels give, whatever registers take from them.
  private static func rights(_ mapping: JSONValue) -> String {
    let restricted = (mapping["restricted-by"]?.elements ?? []).compactMap { $0["right"]?.text }
    let leaf = mapping["leaf"]
    let isWritable = leaf?["writable"] == .bool(true) && !restricted.contains("write")
    let isUser = leaf?["user"] == .bool(true) && !restricted.contains("user")
    let isExecutable = leaf?["no-execute"] == .bool(false) && !restricted.contains("fetch")
    return (isWritable ? "w" : "-") + (isUser ? "u" : "-") + (isExecutable ? "x" : "-")
  }

  private static func number(_ value: JSONValue?) throws -> UInt64 {
    let text = try #require(value?.text)
    return try #require(UInt64(text.dropFirst(2), radix: 16))
  }
}
