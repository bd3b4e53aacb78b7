// What counts as a number in an address-space file.

import Testing

@testable import kvmpt

@Suite("A number is read as people write addresses and sizes")
struct NumberTextTests {
  @Test(
    "Decimal, hexadecimal, underscores and units",
    arguments: [
      ("0", 0), ("4096", 4096), ("4_096", 4096), ("0x1000", 4096), ("0X10_00", 4096),
      ("0xffff_8000_0000_0000", 0xffff_8000_0000_0000), ("18446744073709551615", .max),
      ("4KiB", 4096), ("2 MiB", 2 << 20), ("1GiB", 1 << 30), ("16TiB", 16 << 40),
      ("0x10MiB", 16 << 20), ("0KiB", 0),
    ] as [(String, UInt64)])
  func accepts(_ text: String, _ value: UInt64) throws {
    #expect(try NumberText.parse(text, allowsUnit: true) == value)
  }

  @Test(
    "Everything else is refused with the reason",
    arguments: [
      ("", .notANumber), ("0x", .notANumber), ("x10", .notANumber), ("ten", .notANumber),
      ("1.5MiB", .notANumber), ("1,000", .notANumber), ("+1", .notANumber),
      ("-1", .negative), ("1__0", .misplacedUnderscore), ("_10", .misplacedUnderscore),
      ("10_", .misplacedUnderscore), ("0x_10", .misplacedUnderscore),
      ("18446744073709551616", .tooLarge), ("0x1_0000_0000_0000_0000", .tooLarge),
      ("16777216TiB", .tooLarge), ("00", .padded), ("0000000000003000", .padded),
      ("0_1", .padded), ("04KiB", .padded), ("4K", .unknownUnit("K", meant: "KiB")),
      ("4kb", .unknownUnit("kb", meant: "KiB")), ("2 mib", .unknownUnit("mib", meant: "MiB")),
      ("1e6", .unknownUnit("e6", meant: nil)), ("1 page", .unknownUnit("page", meant: nil)),
    ] as [(String, NumberText.Problem)])
  func refuses(_ text: String, _ problem: NumberText.Problem) {
    #expect(throws: problem) { try NumberText.parse(text, allowsUnit: true) }
  }

  @Test("A unit is refused where a plain number is meant")
  func refusesUnit() {
    #expect(throws: NumberText.Problem.unexpectedUnit("KiB")) {
      try NumberText.parse("4KiB", allowsUnit: false)
    }
  }
}
