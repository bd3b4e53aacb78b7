// BitPairMatrixTests: any two bits of the entries on one path, flipped together.

import MMU
import Testing

@Suite("The model agrees with a second opinion on every pair of bits")
struct BitPairMatrixTests {
  /// CPL 0 and 3, each plain, with every protection on, with AC too, and with WP off.
  static let modes: [Reference.Mode] = [0, 2, 0b111_1110, 0b110_1110].flatMap { bits in
    [Reference.modes[bits], Reference.modes[bits | 1]]
  }

  @Test("Two bits flipped on a path of 4 levels", arguments: PageSize.allCases)
  func pairs(size: PageSize) throws { try pairs(levels: 4, size: size, modes: Self.modes) }

  // Large pages under a PML5 bring nothing that the two other tests do not have.
  @Test("Two bits flipped on a path of 5 levels")
  func pairsUnderPML5() throws {
    try pairs(levels: 5, size: .size4KiB, modes: [Self.modes[4], Self.modes[5]])
  }

  private func pairs(levels: Int, size: PageSize, modes: [Reference.Mode]) throws {
    let machine = Reference.Machine(levels: levels, maxphyaddr: 40)
    let reference = ReferenceModel(machine)
    let configuration = try PagingConfiguration(machine)
    var comparison = Comparison(modes: modes)
    var path = TablePath(configuration)
    path.map(leaf: size.level)
    let places = Level.allCases.filter { $0 >= size.level && $0 <= configuration.rootLevel }
      .flatMap { level in (0..<64).map { (path.entryAddress(level), UInt64(1) << UInt64($0)) } }
    for (position, first) in places.enumerated() {
      path.memory[first.0] ^= first.1
      for second in places[(position + 1)...] {
        path.memory[second.0] ^= second.1
        comparison.compare(
          reference, configuration, memory: path.memory, linear: path.linearAddress,
          label: "\(first) and \(second), \(levels) levels, \(size)")
        path.memory[second.0] ^= second.1
      }
      path.memory[first.0] ^= first.1
    }
    #expect(comparison.differences == [])
    print("pairs of bits, \(levels) levels, \(size): \(comparison.caseCount) cases")
  }
}
