// NonCanonicalTests: addresses that no table translates.

import MMU
import Testing

@Suite("An address that is not canonical faults before any entry is read")
struct NonCanonicalTests {
  @Test("Every address whose upper 17 bits are one or two runs of equal bits", arguments: [4, 5])
  func runs(levels: Int) throws {
    let machine = Reference.Machine(levels: levels)
    let reference = ReferenceModel(machine)
    let configuration = try PagingConfiguration(machine)
    var comparison = Comparison(modes: Array(Reference.modes[0..<4]))
    for first in 46..<64 {
      for last in first..<64 {
        let ones = (UInt64.max >> UInt64(63 - last + first)) << UInt64(first)
        for linear in [ones, ~ones, ones | 0x1234_5678_9abc] {
          var path = TablePath(configuration, linearAddress: linear)
          path.map()
          comparison.compare(
            reference, configuration, memory: path.memory, linear: linear,
            label: "linear address 0x\(String(linear, radix: 16))")
        }
      }
    }
    #expect(comparison.differences == [])
    print("addresses, \(levels) levels: \(comparison.caseCount) cases")
  }

  @Test("Only a stack access raises #SS, and no entry is marked")
  func stack() throws {
    let configuration = try PagingConfiguration()
    let path = TablePath(configuration, linearAddress: 1 << 47)
    for privilege in PrivilegeLevel.allCases {
      for kind in AccessKind.allCases {
        for origin in AccessOrigin.allCases {
          let prediction = path.walk.predict(
            Access(kind, origin: origin), mode: CPUMode(privilege: privilege),
            configuration: configuration)
          #expect(
            prediction.outcome
              == (kind != .fetch && origin == .stack ? .stackFault : .generalProtection))
          #expect(prediction.mustSetAccessed.isEmpty && prediction.maySetAccessed.isEmpty)
          #expect(prediction.blame?.rule == .canonicalAddress(.bits48))
        }
      }
    }
  }
}
