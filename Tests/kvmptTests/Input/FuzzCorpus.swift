// FuzzCorpus: small files, and ways to spoil them.

import TestSupport

@testable import kvmpt

/// Seeds for mutation: short files for speed, and one range of each example.
struct FuzzCorpus: Sendable {
  private let seeds: [[UInt8]]

  init() throws {
    var seeds = Self.shortFiles.map { Array($0.utf8) }
    for name in PackageFiles.examples {
      // A whole example costs as much as ten short files: its first lines have to do.
      let bytes = try PackageFiles.bytes(of: "Examples/\(name)")
      let lines = bytes.split(separator: UInt8(ascii: "\n")).filter {
        $0.first != UInt8(ascii: "#")
      }
      seeds.append(Array(lines.prefix(8).joined(separator: [UInt8(ascii: "\n")])))
    }
    self.seeds = seeds
  }

  private static let shortFiles = [
    "memory: 1MiB\nmappings:\n- {linear: 0x1000, size: 4KiB, rights: rw-}\n",
    "memory: 4MiB\nlevels: 5\nmappings:\n  - linear: 0xff00_0000_0000_0000\n    size: 2MiB\n"
      + "    rights: r-x\n    page: 2MiB\n    user: true\n    key: 3\n",
    "{\"memory\": 65536, \"mappings\": [{\"linear\": 0, \"size\": \"4KiB\", \"rights\": \"---\"}]}",
    "memory: 64KiB\nmappings: []\nexpect:\n- {address: 0, access: read, cpl: 3, outcome: fault, "
      + "error-code: 4}\n",
    "memory: 1MiB\nprocessor: {nxe: false, pke: true, pkru: 0x4}\nmappings:\n"
      + "- {name: a, linear: 0, physical: 4GiB, device: true, size: 8KiB, rights: rwx}\n"
      + "- {name: b, linear: 0x2000, physical: 0, size: 4KiB, rights: r-x, memory-type: UC-}\n",
    "memory: 1MiB\nrecursive-slot: {index: 510, rights: r--}\nmappings:\n"
      + "- {linear: 0x1000, size: 4KiB, rights: rw-}\n",
    "memory:\n- {base: 0, size: 640KiB}\n- {base: 1MiB, size: 1MiB}\nmappings:\n"
      + "- {linear: 0, physical: 0xa0000, size: 4KiB, rights: rw-, device: true}\n",
    "memory: 1MiB\nrecursive-slot: 1\nmappings: []\n",
    "name: x\ndescription: |\n  two\n  lines\nmemory: 2MiB\nmappings: [{linear: 4096, size: 4096,\n"
      + "  rights: 'r--', software-bits: 0x3f, global: true, dirty: true}]\n",
  ]

  private static let tokens: [[UInt8]] = [
    "memory:", "mappings:", "linear: ", "physical: ", "size: ", "rights: ", "user: ", "page: ",
    "expect:", "- ", "{", "}", "[", "]", ", ", ": ", ":", "\n", "\n  ", "\n    ", "\"", "'", "|\n",
    ">\n", "#", " # ", "&a ", "*a", "!!str ", "---\n", "...\n", "? ", "%YAML 1.2\n", "\t", "\\",
    "0", "1", "4KiB", "4096", "2MiB", "1GiB", "16TiB", "0x", "_", "-1", "18446744073709551615",
    "18446744073709551616", "0xffff_ffff_ffff_f000", "0x8000_0000_0000", "0x7fff_ffff_f000",
    "0xf_ffff_ffff_f000", "0x10_0000_0000_0000", "true", "false", "null", "~", "rwx", "r--", "---",
    "-w-", "anywhere", "largest", "outcome: success", "outcome: fault", "error-code: 7",
    "physical: 0", "cpl: 3", "recursive-slot: 511", "{base: 4KiB, size: 4KiB}", "index: 512",
    "user: true", "access: fetch", "device: true", "levels: 5", "levels: 4", "key: 16",
    "\u{feff}", "é", "\u{0}", "\u{2028}", "name: x", "\r\n",
  ].map { Array($0.utf8) }

  /// A seed with one to four spoilt places.
  func mutatedFile(using generator: inout SeededGenerator) -> [UInt8] {
    var bytes = seeds[generator.index(below: seeds.count)]
    for _ in 0...generator.index(below: 4) { mutate(&bytes, using: &generator) }
    return bytes
  }

  /// Spoils one place.
  func mutate(_ bytes: inout [UInt8], using generator: inout SeededGenerator) {
    let index = generator.index(below: bytes.count)
    let end = min(bytes.count, index + 1 + generator.index(below: 12))
    switch generator.index(below: 10) {
    case 0 where !bytes.isEmpty: bytes[index] ^= 1 << UInt8(generator.index(below: 8))
    case 1 where !bytes.isEmpty: bytes[index] = UInt8(truncatingIfNeeded: generator.next())
    case 2 where !bytes.isEmpty: bytes.removeSubrange(index..<end)
    case 3: bytes.removeSubrange(index...)
    case 4 where !bytes.isEmpty:
      // A piece of the file again, elsewhere.
      bytes.insert(
        contentsOf: Array(bytes[index..<end]), at: generator.index(below: bytes.count + 1))
    case 5:
      let other = seeds[generator.index(below: seeds.count)]
      bytes.replaceSubrange(index..., with: other[generator.index(below: other.count)...])
    case 6:
      replaceWord(in: &bytes, near: index, using: &generator)
    default:
      bytes.insert(contentsOf: Self.tokens[generator.index(below: Self.tokens.count)], at: index)
    }
  }

  /// Replaces a run of letters and digits by a token, which keeps the structure of the file.
  private func replaceWord(
    in bytes: inout [UInt8], near index: Int, using generator: inout SeededGenerator
  ) {
    func isWord(_ byte: UInt8) -> Bool {
      byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
        || Character(Unicode.Scalar(byte)).isLetter || Character(Unicode.Scalar(byte)).isNumber
    }
    guard bytes.indices.contains(index) else { return }
    var first = index
    while first > 0 && isWord(bytes[first - 1]) { first -= 1 }
    var end = index
    while end < bytes.count && isWord(bytes[end]) { end += 1 }
    bytes.replaceSubrange(first..<end, with: Self.tokens[generator.index(below: Self.tokens.count)])
  }
}
