// kvmpt convert: nothing that a mapping can say is lost.

import Glibc
import TestImages
import TestSupport
import Testing

@testable import kvmpt

@Suite("An image becomes a file that says every bit of it")
struct ConvertEveryBitTests {
  /// Tables with every kind of bit at random: shared, with rights denied above, and of all sizes.
  static func randomImage(_ random: inout SeededGenerator) -> TableImage {
    var image = TableImage()
    let tables = (0..<6).map { _ in image.makeTable() }
    let places = [0, 1, 2, 3, 255, 256, 510, 511]
    func link(_ table: UInt64) -> UInt64 {
      table | 1 | random.next() & 0x8000_0000_0000_0006 & (random.next() | 0x6)
    }
    image.set(link(tables[0]), at: 0, of: image.root)
    image.set(link(tables[random.next() & 1 == 0 ? 0 : 1]), at: 511, of: image.root)
    for upper in tables[..<2] {
      for _ in 0..<2 {
        image.set(
          link(tables[Int.random(in: 2..<4, using: &random)]),
          at: places.randomElement(using: &random) ?? 0, of: upper)
      }
    }
    for middle in tables[2..<4] {
      for _ in 0..<2 {
        image.set(
          link(tables[Int.random(in: 4..<6, using: &random)]),
          at: places.randomElement(using: &random) ?? 0, of: middle)
      }
    }
    for (level, table) in zip([3, 3, 2, 2, 1, 1], tables) {
      for _ in 0..<4 {
        // XD, key, software's bits, PAT of small pages or the size, G, D, A, PCD, PWT, U/S, R/W.
        var word = random.next() & 0xfff0_0000_0000_0f7e | 1
        if level > 1 { word |= 0x80 | random.next() & 0x1000 } else { word |= random.next() & 0x80 }
        let size = UInt64(1) << UInt64(12 + 9 * (level - 1))
        word |= (random.next() & 0xff) * size
        let first = places.randomElement(using: &random) ?? 0
        for offset in 0..<Int.random(in: 1...4, using: &random) where first + offset < 512 {
          if image.tables[table]?[first + offset] != 0 { continue }
          // Some neighbours differ in a bit or two.
          let noise = random.next() & random.next() & random.next() & 0x7ff0_0000_0000_0e60
          image.set(
            (word ^ noise) &+ UInt64(offset) * size, at: first + offset, of: table)
        }
      }
    }
    return image
  }

  @Test("Random tables, written as files, have no differences from themselves and hide no bit")
  func randomTables() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("convert: seed \(seed)")
    var random = SeededGenerator(seed: seed)
    var (lies, told) = (0, 0)
    for round in 0..<TestSetting.depth(30, full: 60) {
      let image = Self.randomImage(&random)
      let file = ImageFile()
      try image.writeRaw(to: file.path, byteCount: 0x1_0000)
      let yaml = try NamedFile("", suffix: ".yaml")
      let place: Comment = "round \(round), seed \(seed)"
      let pat = ["--pat", random.next() & 1 == 0 ? "linux" : "power-on"]
      let pke = random.next() & 1 == 0 ? [] : ["--pke", "on"]
      let written = try ProgramRun(
        ["convert", file.path, "--cr3", "0x1000", "--output", yaml.path] + pat + pke)
      #expect(written.exitCode == 0, "\(place): \(written.errors)")
      let same = try ProgramRun(["diff", file.path, yaml.path, "--cr3", "0x1000"] + pat)
      #expect(same.output == "0 differences\n", "\(place): \(same.output)\(same.errors)")
      #expect(try ProgramRun(["check", yaml.path]).exitCode == 0, place)
      // Any bit of any leaf, changed alone, is a difference that both comparisons report.
      var lie = image
      let leaves = image.tables.flatMap { table, words in
        words.indices.filter { words[$0] & 1 != 0 && (words[$0] & 0x80 != 0 || table >= 0x6000) }
          .map { (table, $0) }
      }.sorted { $0 < $1 }
      guard let (table, index) = leaves.randomElement(using: &random) else { continue }
      let word = image.tables[table]?[index] ?? 0
      lie.set(word ^ 1 << (random.next() & 63), at: index, of: table)
      let other = ImageFile()
      try lie.writeRaw(to: other.path, byteCount: 0x1_0000)
      let byTables = try ProgramRun(["diff", file.path, other.path, "--cr3", "0x1000"] + pat)
      let byFile = try ProgramRun(["diff", other.path, yaml.path, "--cr3", "0x1000"] + pat)
      #expect(byTables.exitCode <= 1 && byTables.exitCode == byFile.exitCode, place)
      lies += 1
      told += Int(byTables.exitCode)
    }
    print("convert: \(lies) lies, \(told) told")
    // Some seven of ten bits are of a leaf that is reached and change something.
    #expect(told > lies / 4, "seed \(seed)")
  }

  @Test("Software's bits, keys with PKE off, A and D are written, each where it is so")
  func everyBit() throws {
    var image = TableImage()
    let bits: [UInt64] = [0, 1 << 9, 1 << 58, 7 << 59, 1 << 5, 3 << 5]
    for (index, bits) in bits.enumerated() {
      image.map(
        0x40_0000 + UInt64(index) << 12, to: 0x10_0000 + UInt64(index) << 12,
        TableImage.Bits(rawValue: 3 | bits))
    }
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 1 << 20)
    let run = try ProgramRun(["convert", file.path, "--cr3", "0x1000"])
    let lines = run.output.split(separator: "\n").filter { $0.contains("linear:") }
    #expect(lines.count == bits.count)
    for (line, words) in zip(
      lines,
      [
        "accessed: false, dirty: false}", "software-bits: 1}", "software-bits: 512}", "key: 7}",
        "accessed: true, dirty: false}", "accessed: true, dirty: true}",
      ])
    {
      #expect(line.hasSuffix(words), "\(line)")
    }
  }

  @Test("A memory type that the manual reserves is no type of a file")
  func reservedType() throws {
    var image = TableImage()
    image.map(0x40_0000, to: 0x10_0000, .present)
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 1 << 20)
    let run = try ProgramRun(
      ["convert", file.path, "--cr3", "0x1000", "--pat", "0x0007040600070402"])
    #expect(run.exitCode == 65)
    #expect(run.errors.contains("PAT index 0") && run.errors.contains("--pat"), "\(run.errors)")
  }

  @Test("A and D that are to be ignored are not said, and split nothing")
  func ignored() throws {
    var image = TableImage()
    for (index, bits) in [UInt64(0), 1 << 5, 3 << 5, 1 << 6].enumerated() {
      image.map(
        0x40_0000 + UInt64(index) << 12, to: 0x10_0000 + UInt64(index) << 12,
        TableImage.Bits(rawValue: 3 | bits))
    }
    let file = ImageFile()
    try image.writeRaw(to: file.path, byteCount: 1 << 20)
    func lines(_ list: String) throws -> [Substring] {
      let run = try ProgramRun(["convert", file.path, "--cr3", "0x1000", "--ignore", list])
      return run.output.split(separator: "\n").filter { $0.contains("linear:") }
    }
    let both = try lines("accessed,dirty")
    #expect(both.count == 1 && both[0].hasSuffix("page: 4KiB}"), "\(both)")
    #expect(try lines("accessed").map { $0.hasSuffix("dirty: true}") } == [false, true])
    #expect(try lines("dirty").count == 3)
    let yaml = try NamedFile("", suffix: ".yaml")
    _ = try ProgramRun([
      "convert", file.path, "--cr3", "0x1000", "--ignore", "accessed,dirty", "-o", yaml.path,
    ])
    let run = try ProgramRun(["diff", file.path, yaml.path, "--cr3", "0x1000"])
    #expect(
      run.output == "not compared: A, in 1 range\nnot compared: D, in 1 range\n0 differences\n",
      "\(run.output)")
    let refused = try ProgramRun(
      ["convert", file.path, "--cr3", "0x1000", "--ignore", "accessed,key"])
    #expect(refused.exitCode == 64 && refused.errors.contains("always says"), "\(refused.errors)")
    let unknown = try ProgramRun(
      ["convert", file.path, "--cr3", "0x1000", "--ignore", "acessed"])
    #expect(unknown.exitCode == 64 && unknown.errors.contains("did you mean 'accessed'?"))
  }
}
