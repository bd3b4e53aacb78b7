// RuleMutationTests: a model with one rule left out must be told from the whole model.

import MMU
import Testing

@Suite("Every rule makes a difference that the second opinion notices")
struct RuleMutationTests {
  /// Tables, and what the second opinion says for every mode and access.
  private struct Case {
    let configuration: PagingConfiguration
    let memory: TableMemory
    let linearAddress: UInt64
    let wanted: [Reference.Result]
  }

  /// Modes with both kinds of protection key off or both on.
  private static let modes = (0..<32).flatMap { [Reference.modes[$0], Reference.modes[$0 + 96]] }
  private static let cpuModes = modes.map { CPUMode($0) }
  private static let accesses = Reference.uses.map { Access($0) }

  /// Tables that, with all modes and accesses, depend on every rule.
  private static let cases: [Case] = [4, 5].flatMap { levels in
    PageSize.allCases.flatMap { size in
      (0..<4).flatMap { variant in
        let machine = Reference.Machine(
          levels: levels, maxphyaddr: 40, nxe: variant & 1 == 0,
          gigabytePages: variant & 2 == 0, amd: variant & 2 != 0)
        return (try? PagingConfiguration(machine)).map {
          cases(machine, $0, leaf: size.level)
        } ?? []
      }
    }
  }

  private static func cases(
    _ machine: Reference.Machine, _ configuration: PagingConfiguration, leaf: Level
  ) -> [Case] {
    let reference = ReferenceModel(machine)
    var path = TablePath(configuration)
    path.map(leaf: leaf)
    func makeCase(_ linear: UInt64) -> Case {
      let walked = reference.walk(linear, cr3: TablePath.cr3) {
        path.memory.loadWord(at: GuestPhysicalAddress(truncating: $0))
      }
      return Case(
        configuration: configuration, memory: path.memory, linearAddress: linear,
        wanted: modes.flatMap { mode in
          Reference.uses.map { reference.result(walked, $0, mode) }
        })
    }
    var cases = [makeCase(path.linearAddress), makeCase(path.linearAddress | 1 << 63)]
    for level in Level.allCases where level >= leaf && level <= configuration.rootLevel {
      let word = path[level]
      var words = [0, 1, 2, 7, 8, 12, 13, 28, 45, 59, 60, 63].map { word ^ 1 << UInt64($0) }
      // A supervisor page with a key, and an entry that is not present but has reserved bits.
      words += [word ^ 0b100 | 1 << 59, word ^ 0b100 | 2 << 59, 1 << 45]
      for changed in words {
        path[level] = changed
        cases.append(makeCase(path.linearAddress))
      }
      path[level] = word
    }
    return cases
  }

  @Test("A model without the rule differs", arguments: ArchitectureRule.allCases)
  func mutation(rule: ArchitectureRule) {
    #expect(
      Self.isNoticed(EveryRuleExcept(rule)),
      "nothing tells the model without \(rule.id) from the whole model")
  }

  @Test("The whole model does not differ")
  func wholeModel() { #expect(!Self.isNoticed(EveryRule())) }

  private static func isNoticed(_ rules: some RuleSelection) -> Bool {
    for example in cases {
      let walk = Walk(
        example.linearAddress, cr3: TablePath.cr3, configuration: example.configuration,
        in: example.memory, under: rules)
      var position = 0
      for mode in cpuModes {
        for access in accesses {
          let prediction = walk.predict(
            access, mode: mode, configuration: example.configuration, under: rules)
          if Reference.Result(prediction) != example.wanted[position] { return true }
          position += 1
        }
      }
    }
    return false
  }
}
