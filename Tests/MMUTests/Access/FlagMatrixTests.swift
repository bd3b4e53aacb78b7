// FlagMatrixTests: all combinations of the flags of a PTE, a PDE and a PDPTE, in the manner of
// the access test of kvm-unit-tests, with SMEP, SMAP and AC in the product.

import MMU
import Testing

@Suite("The model agrees with a second opinion on every combination of flags")
struct FlagMatrixTests {
  /// The bits that the counter turns, lowest first: (level, bit).
  private static let flags: [(Level, UInt64)] = [
    (.pageTable, 0), (.pageTable, 1), (.pageTable, 2), (.pageTable, 63), (.pageTable, 51),
    (.pageDirectory, 0), (.pageDirectory, 1), (.pageDirectory, 2), (.pageDirectory, 63),
    (.pageDirectory, 51), (.pageDirectory, 7), (.pageDirectory, 13),
    (.pageDirectoryPointerTable, 1),
  ]

  @Test("P, R/W, U/S, XD, PS and reserved bits in every combination", arguments: [false, true])
  func combinations(nxe: Bool) throws {
    let machine = Reference.Machine(maxphyaddr: 40, nxe: nxe)
    let reference = ReferenceModel(machine)
    let configuration = try PagingConfiguration(machine)
    // Protection keys, bit 5, do not depend on NXE.
    let modes = Array(Reference.modes[0..<(nxe ? 64 : 32)])
    let uses = [Reference.Use(kind: "r"), Reference.Use(kind: "w"), Reference.Use(kind: "f")]
    var comparison = Comparison(modes: modes, uses: uses)
    // Key 2 (WD) in the leaf, key 1 (AD) above it, where it must not count.
    var path = TablePath(configuration)
    path.map()
    path[.pageTable] = 0x4_8000_0000 | 2 << 59
    path[.pageDirectory] = path.nextTable(.pageDirectory) | 1 << 59
    path[.pageDirectoryPointerTable] = path.nextTable(.pageDirectoryPointerTable) | 0b101
    let base = path
    for number in 0..<1 << Self.flags.count {
      path = base
      for (place, flag) in Self.flags.enumerated() where number >> place & 1 != 0 {
        path[flag.0] |= 1 << flag.1
      }
      comparison.compare(
        reference, configuration, memory: path.memory, linear: path.linearAddress,
        label: "flags \(number), NXE \(nxe)")
    }
    #expect(comparison.differences == [])
    print("combinations of flags, NXE \(nxe): \(comparison.caseCount) cases")
  }
}
