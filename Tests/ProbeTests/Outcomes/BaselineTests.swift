// The baseline: what it knows of which machine, what it remarks, and how it grows.

import KVM
import MMU
import Testing

@testable import Probe

@Suite("A baseline knows machines by who walks their tables, and versions by their numbers")
struct BaselineTests {
  static let rule = Deviation.rootEntryUnreachableAtUser(index: 256)
  static let other = Deviation(when: [.privilege(.user)], .errorCodeLacks(1))

  static func identity(
    _ walker: TableWalker, _ processor: HostProcessor = .silicon, kernel: String = "6.18.3",
    program: String = "7.2.1"
  ) -> MachineIdentity {
    MachineIdentity(
      name: "m", walker: walker, processorName: "p", kernelRelease: kernel,
      hostProcessor: processor, programVersion: program)
  }

  static func known(
    _ walker: TableWalker, _ processor: HostProcessor, _ versions: ClosedRange<ReleaseNumber>?,
    _ rules: [Deviation]
  ) -> BaselineMachine {
    BaselineMachine(
      walker: walker, hostProcessor: processor,
      rules: rules.map {
        BaselineRule(rule: $0, versions: number("6.1")...number("6.2"), source: "s")
      }, versions: versions, source: "s")
  }

  static func number(_ text: String) -> ReleaseNumber {
    ReleaseNumber(text: text) ?? ReleaseNumber([])
  }

  @Test("The rules are those of the machine with the same walker and processor")
  func lookup() {
    let processors = HostProcessor.allCases
    var machines: [BaselineMachine] = []
    for walker in TableWalker.allCases {
      for processor in processors where walker != .tcg || processor == .silicon {
        let rule = Deviation(
          when: [.rootEntry(machines.count)], .errorCodeLacks(UInt32(machines.count)))
        machines.append(Self.known(walker, processor, nil, [rule]))
      }
    }
    let baseline = Baseline(machines: machines)
    for walker in TableWalker.allCases {
      for processor in processors {
        let identity = Self.identity(walker, processor)
        let expected = machines.first {
          $0.walker == walker && (walker == .tcg || $0.hostProcessor == processor)
        }
        #expect(baseline.machine(identity) == expected)
        #expect(baseline.rules(of: identity) == expected?.rules.map(\.rule))
        let without = Baseline(machines: machines.filter { $0 != expected })
        #expect(without.machine(identity) == nil && without.rules(of: identity).isEmpty)
      }
    }
  }

  @Test("A remark says that a machine, its version, or that of the baseline is not known")
  func remarks() {
    for walker in [TableWalker.ept, .tcg] {
      let range = Self.number("6.12")...Self.number("6.18")
      let baseline = Baseline(machines: [Self.known(walker, .silicon, range, [])])
      for (version, id) in [
        ("6.12.0", nil), ("6.15", nil), ("6.18.99-x", nil), ("6.11.9", "version-not-in-baseline"),
        ("6.19", "version-not-in-baseline"), ("7.0", "version-not-in-baseline"),
        ("5.15", "version-not-in-baseline"), ("", "version-unknown"), ("x", "version-unknown"),
      ] as [(String, String?)] {
        // Of an emulator the program counts, of any other machine the kernel.
        let identity =
          walker == .tcg
          ? Self.identity(walker, kernel: "6.12", program: version)
          : Self.identity(walker, kernel: version, program: "6.12")
        #expect(baseline.remarks(on: identity).map(\.id) == (id.map { [$0] } ?? []), "\(version)")
        #expect(identity.releaseSubject == (walker == .tcg ? "QEMU" : "Linux"))
      }
      let unknown = Baseline(machines: [Self.known(walker, .silicon, nil, [])])
      for baseline in [unknown, Baseline(machines: [])] {
        #expect(
          baseline.remarks(on: Self.identity(walker)).map(\.id) == ["walker-not-in-baseline"])
      }
    }
  }

  @Test("What was seen is added where it belongs, and ranges of versions grow by it")
  func adding() {
    let range = Self.number("6.12")...Self.number("6.14")
    let base = Baseline(machines: [
      Self.known(.npt, .silicon, range, [Self.rule]), Self.known(.ept, .qemuTCG, range, []),
      Self.known(.ept, .silicon, range, [Self.rule]), Self.known(.pvm, .silicon, nil, []),
    ])
    let grown = base.adding(
      [Self.rule, Self.other], of: Self.identity(.ept, kernel: "6.18"), source: "new")
    #expect(grown.machines.count == 4)
    for index in [0, 1, 3] { #expect(grown.machines[index] == base.machines[index]) }
    let machine = grown.machines[2]
    #expect(machine.versions == Self.number("6.12")...Self.number("6.18"))
    #expect(machine.source == "s")
    #expect(machine.rules.map(\.rule) == [Self.rule, Self.other])
    #expect(machine.rules[0].versions == Self.number("6.1")...Self.number("6.18"))
    #expect(machine.rules[1].versions == Self.number("6.18")...Self.number("6.18"))
    #expect(machine.rules.map(\.source) == ["s", "new"])
    // Downwards as well, and what is inside changes nothing.
    let older = base.adding([], of: Self.identity(.ept, kernel: "5.1"), source: "new")
    #expect(older.machines[2].versions == Self.number("5.1")...Self.number("6.14"))
    let same = base.adding([], of: Self.identity(.ept, kernel: "6.13"), source: "new")
    #expect(same == base)
    // A kind that nobody had tried has a source now, and one that was not there is new.
    let tried = base.adding([Self.rule], of: Self.identity(.pvm), source: "new")
    #expect(tried.machines[3].source == "new" && tried.machines[3].rules.count == 1)
    #expect(tried.machines[3].versions == Self.number("6.18")...Self.number("6.18"))
    let fresh = base.adding([], of: Self.identity(.tcg, .qemuTCG, program: "9.1"), source: "new")
    #expect(fresh.machines.count == 5 && fresh.machines[4].walker == .tcg)
    #expect(fresh.machines[4].hostProcessor == .silicon && fresh.machines[4].source == "new")
    #expect(fresh.machines[4].versions == Self.number("9.1")...Self.number("9.1"))
  }

  @Test("A fault that comes whatever the tables say is expected with any reason")
  func unsteadyReasons() {
    let seen = Deviation(when: [.privilege(.user), .rootEntry(256)], .faultsAsNotPresent)
    let expected = Deviation(when: [.privilege(.user), .rootEntry(256)], .faultsAnyhow)
    #expect(seen.asExpected == expected && expected.asExpected == expected)
    for rule in [Self.other, Deviation(when: [.privilege(.user)], .faultsAsNotPresent)] {
      #expect(rule.asExpected == rule)
    }
  }

  @Test("Versions are read up to their second number and compared by numbers")
  func releases() {
    for (text, words) in [
      ("6.18.44-fc-v509", "6.18"), ("6", "6"), ("7.2", "7.2"), ("6.1x.3", "6.1"), ("6x.1", "6"),
      ("6..1", "6"), ("10.0.0", "10.0"), ("999999.1", "999999.1"), ("1000000", nil), ("", nil),
      ("v6", nil), (".6", nil), ("-1", nil),
    ] as [(String, String?)] {
      #expect(ReleaseNumber(text: text)?.description == words, "\(text)")
    }
    let ordered = ["5.19", "6", "6.1", "6.2", "6.10", "7.0", "10.1"].map(Self.number)
    for (index, lower) in ordered.enumerated() {
      for higher in ordered[(index + 1)...] { #expect(lower < higher && !(higher < lower)) }
      #expect(!(lower < lower))
    }
    #expect((ordered[0]...ordered[1]).words == "5.19 to 6")
    #expect((ordered[0]...ordered[0]).words == "5.19")
  }
}
