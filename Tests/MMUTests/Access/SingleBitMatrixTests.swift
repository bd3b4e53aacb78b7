// SingleBitMatrixTests: every bit of every entry, flipped alone, in all modes and accesses.

import MMU
import Testing

@Suite("The model agrees with a second opinion on every single bit")
struct SingleBitMatrixTests {
  struct Shape: CustomTestStringConvertible, Sendable {
    let levels: Int
    let leaf: Level
    let nxe: Bool

    var testDescription: String { "\(levels) levels, leaf \(leaf.entryName), NXE \(nxe)" }

    static let all: [Shape] = [4, 5].flatMap { levels in
      PageSize.allCases.flatMap { size in
        [false, true].map { Shape(levels: levels, leaf: size.level, nxe: $0) }
      }
    }
  }

  @Test("One bit flipped at each level, all modes, all accesses", arguments: Shape.all)
  func singleBits(shape: Shape) throws {
    let machine = Reference.Machine(levels: shape.levels, maxphyaddr: 40, nxe: shape.nxe)
    let reference = ReferenceModel(machine)
    let configuration = try PagingConfiguration(machine)
    var comparison = Comparison()
    var path = TablePath(configuration)
    path.map(leaf: shape.leaf)
    for level in Level.allCases where level >= shape.leaf && level <= configuration.rootLevel {
      let word = path[level]
      for bit in 0..<64 {
        path[level] = word ^ 1 << UInt64(bit)
        comparison.compare(
          reference, configuration, memory: path.memory, linear: path.linearAddress,
          label: "bit \(bit) of the \(level.entryName), \(shape.testDescription)")
      }
      path[level] = word
    }
    #expect(comparison.differences == [])
    print("\(shape.testDescription): \(comparison.caseCount) cases")
  }
}
