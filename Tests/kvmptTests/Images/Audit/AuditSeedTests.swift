// Every rule of audit, with a fault of it put into a sound image: it is found, and nothing else.

import MMU
import TestImages
import TestSupport
import Testing

@testable import kvmpt

@Suite("An audit finds every fault that was put into sound tables, and nothing else")
struct AuditSeedTests {
  static func findings(_ image: SoundImage, stack: UInt64) throws -> [FoundPlace] {
    let file = ImageFile()
    try image.image.writeCore(
      to: file.path, ranges: [0..<SoundImage.byteCount], cr0: image.cr0, cr4: image.cr4,
      registers: image.registers)
    let report = try JSONValue(
      json: ProgramRun([
        "audit", file.path, "--physical-bits", "48", "--levels", "\(image.image.rootLevel)",
        "--user-stack", "0x" + String(stack, radix: 16), "--format", "json",
      ]).output)
    #expect(report["left-out"] == .object([:]) && report["unseen-runs"] == nil)
    return try (report["findings"]?.elements ?? []).map { finding in
      func number(_ key: String) throws -> UInt64 {
        let text = try #require(finding[key]?.text)
        return try NumberText.parse(text, allowsUnit: false)
      }
      let name = try #require(finding["rule"]?.text)
      let rule = try #require(AuditRule(rawValue: name))
      return FoundPlace(rule, try number("linear"), try number("bytes"))
    }
  }

  @Test("Sound tables have no findings, with 4 levels and with 5", arguments: [4, 5])
  func sound(_ levels: Int) throws {
    var random = SeededGenerator(seed: 20_261_129)
    for _ in 0..<10 {
      let image = SoundImage(&random, levels: levels)
      #expect(try Self.findings(image, stack: image.address(.userStack, 0) + 8) == [])
    }
  }

  @Test(
    "A fault of each rule is found at every address, and nothing else",
    arguments: AuditRule.allCases)
  func each(_ rule: AuditRule) throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    var count = 0
    for levels in [4, 5] {
      for variant in 0..<SeededFault.count(of: rule) {
        for place in 0..<TestSetting.depth(2, full: 6) {
          var image = SoundImage(&random, levels: levels)
          let expected = SeededFault.put(rule, variant, at: place, into: &image)
          let stack = image.address(.userStack, place) + 0x100
          let found = try Self.findings(image, stack: stack)
          #expect(
            found.count == expected.count && Set(found) == expected,
            "seed \(seed), variant \(variant), place \(place): \(found)")
          count += expected.count
        }
      }
    }
    #expect(count >= TestSetting.depth(4, full: 12))
  }
}
