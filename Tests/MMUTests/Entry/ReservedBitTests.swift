// ReservedBitTests: which bits must be zero, for every processor there can be.

import MMU
import Testing

@Suite("Reserved bits are those of the second opinion's table")
struct ReservedBitTests {
  static let machines: [Reference.Machine] = (0..<16).flatMap { bits in
    (32...52).map { width in
      Reference.Machine(
        levels: bits & 1 != 0 ? 5 : 4, maxphyaddr: width, nxe: bits & 2 != 0,
        gigabytePages: bits & 4 != 0, amd: bits & 8 != 0)
    }
  }

  @Test("The mask is right for every MAXPHYADDR, NXE, 1 GiB support, vendor, level and PS")
  func masks() throws {
    var count = 0
    for machine in Self.machines {
      let reference = ReferenceModel(machine)
      let configuration = try PagingConfiguration(machine)
      for level in Level.allCases where level <= configuration.rootLevel {
        for word: UInt64 in [0, 0x80, .max] {
          let entry = PageTableEntry(word, at: level)
          let wanted = reference.reservedMask(word, level: Int(level.rawValue))
          #expect(
            entry.reservedMask(in: configuration) == wanted, "\(machine) \(level.entryName) \(word)"
          )
          #expect(entry.reservedBits(in: configuration) == wanted & word)
          count += 1
        }
      }
    }
    print("reserved masks: \(count) cases")
  }

  @Test("Each reserved bit alone ends the walk with RSVD, each other bit does not")
  func walks() throws {
    var comparison = Comparison(
      modes: Array(Reference.modes[2...3]),
      uses: [Reference.Use(kind: "w"), Reference.Use(kind: "f")])
    for machine in Self.machines {
      let reference = ReferenceModel(machine)
      let configuration = try PagingConfiguration(machine)
      for leaf in PageSize.allCases {
        var path = TablePath(configuration)
        path.map(leaf: leaf.level)
        for level in Level.allCases where level >= leaf.level && level <= configuration.rootLevel {
          let word = path[level]
          // The page's own address bits and flags are the other matrices' business.
          for bit in [7, 8, 12, 13, 20, 21, 29, 30] + Array(31...63) {
            path[level] = word | 1 << UInt64(bit)
            comparison.compare(
              reference, configuration, memory: path.memory, linear: path.linearAddress,
              label: "\(machine) \(level.entryName) bit \(bit)")
          }
          path[level] = word
        }
      }
    }
    #expect(comparison.differences == [])
    print("reserved bits: \(comparison.caseCount) cases")
  }
}
