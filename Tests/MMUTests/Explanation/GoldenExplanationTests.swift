// GoldenExplanationTests: the wording of every blame, compared with a file that people read.

import Glibc
import MMU
import TestSupport
import Testing

@Suite("Explanations read as they are meant to")
struct GoldenExplanationTests {
  /// One fault to explain.
  struct Scenario {
    let title: String
    var machine = Reference.Machine(maxphyaddr: 40)
    var leaf = Level.pageTable
    var access = Access(.read)
    var mode = CPUMode(privilege: .user)
    /// The words to change, by level.
    var changes: [(Level, (UInt64) -> UInt64)] = []
    var linearAddress: UInt64 = 0x0000_1234_5678_9abc
    var cr3 = TablePath.cr3

    func text() throws -> String {
      var path = TablePath(try PagingConfiguration(machine), linearAddress: linearAddress)
      path.map(leaf: leaf)
      for (level, change) in changes { path[level] = change(path[level]) }
      let walk = Walk(
        linearAddress, cr3: cr3, configuration: path.configuration, in: path.memory)
      let explanation = walk.explain(access, mode: mode, configuration: path.configuration)
      var lines = ["# \(title)", "\(explanation.prediction.outcome)"]
      for blame in explanation.blames {
        lines.append("  because \(blame.sentence) [\(blame.rule.id)]")
      }
      let diagnosis = AccessQuestion(
        linearAddress, access, mode: mode,
        tables: PageTables(cr3: cr3, configuration: path.configuration)
      ).diagnosis(in: path.memory)
      lines += diagnosis.cures.map { "  change: \($0.sentence)" }
      lines += diagnosis.looks.map { "  seen: \($0.sentence)" }
      let user = walk.effectiveRights(
        mode: CPUMode(privilege: .user), configuration: path.configuration)
      let supervisor = walk.effectiveRights(
        mode: CPUMode(privilege: .supervisor), configuration: path.configuration)
      lines.append("  rights: \(user) at CPL 3, \(supervisor) at CPL 0")
      return lines.joined(separator: "\n") + "\n"
    }
  }

  static var scenarios: [Scenario] {
    let supervisor = CPUMode(privilege: .supervisor)
    var strict = supervisor
    strict.isSMEPEnabled = true
    strict.isSMAPEnabled = true
    var keyed = CPUMode(privilege: .user)
    keyed.isPKEEnabled = true
    keyed.pkru = 0b1110_0100
    var keyedSupervisor = supervisor
    keyedSupervisor.isPKSEnabled = true
    keyedSupervisor.pkrs = 0b1110_0100
    let clear = { (bit: UInt64) in { (word: UInt64) in word & ~(1 << bit) } }
    let set = { (bits: UInt64) in { (word: UInt64) in word | bits } }
    let amd = Reference.Machine(levels: 5, maxphyaddr: 40, amd: true)
    let old = Reference.Machine(maxphyaddr: 36, nxe: false, gigabytePages: false)
    return [
      Scenario(title: "a read that succeeds"),
      Scenario(title: "an address between the halves, 4 levels", linearAddress: 1 << 47),
      Scenario(
        title: "an address between the halves, 5 levels, on the stack", machine: amd,
        access: Access(.write, origin: .stack), linearAddress: 1 << 56),
      Scenario(title: "CR3 points outside memory", cr3: 0x7000_0000),
      Scenario(
        title: "a PDE that points outside memory",
        changes: [(.pageDirectory, { _ in 0x7000_0007 })]),
      Scenario(title: "an empty PTE", changes: [(.pageTable, { _ in 0 })]),
      Scenario(title: "an empty PML4E", changes: [(.pageMapLevel4, { _ in 0 })]),
      Scenario(
        title: "a user write through a read-only PDE and a supervisor PTE",
        access: Access(.write),
        changes: [(.pageDirectory, clear(1)), (.pageTable, clear(2))]),
      Scenario(
        title: "a supervisor write to a read-only 2 MiB page", leaf: .pageDirectory,
        access: Access(.write), mode: supervisor, changes: [(.pageDirectory, clear(1))]),
      Scenario(
        title: "a fetch from a 1 GiB page that is not executable",
        leaf: .pageDirectoryPointerTable, access: Access(.fetch),
        changes: [(.pageDirectoryPointerTable, set(1 << 63))]),
      Scenario(title: "SMEP", access: Access(.fetch), mode: strict),
      Scenario(title: "SMAP, a read", mode: strict),
      Scenario(title: "SMAP, a write", access: Access(.write), mode: strict),
      Scenario(
        title: "SMAP, a descriptor table", access: Access(.read, origin: .implicitSupervisor),
        mode: strict),
      Scenario(
        title: "PKRU.AD of key 1", mode: keyed, changes: [(.pageTable, set(1 << 59))]),
      Scenario(
        title: "PKRU.AD and PKRU.WD of key 3", access: Access(.write), mode: keyed,
        changes: [(.pageTable, set(3 << 59))]),
      Scenario(
        title: "PKRU.WD of key 2, and R/W clear", access: Access(.write), mode: keyed,
        changes: [(.pageTable, set(2 << 59)), (.pageDirectory, clear(1))]),
      Scenario(
        title: "IA32_PKRS.AD of key 1", mode: keyedSupervisor,
        changes: [(.pageTable, { $0 & ~4 | 1 << 59 })]),
      Scenario(
        title: "IA32_PKRS.WD of key 2", access: Access(.write), mode: keyedSupervisor,
        changes: [(.pageTable, { $0 & ~4 | 2 << 59 })]),
      Scenario(
        title: "address bits that the processor lacks, and XD without NXE", machine: old,
        changes: [(.pageTable, set(1 << 63 | 0b1011 << 40))]),
      Scenario(
        title: "a 1 GiB page on a processor without any", machine: old,
        leaf: .pageDirectoryPointerTable),
      Scenario(
        title: "a 2 MiB page at an odd address", leaf: .pageDirectory,
        changes: [(.pageDirectory, set(0xf << 13 | 1 << 20))]),
      Scenario(
        title: "a 1 GiB page at an odd address", leaf: .pageDirectoryPointerTable,
        changes: [(.pageDirectoryPointerTable, set(1 << 21))]),
      Scenario(title: "PS in a PML4E", changes: [(.pageMapLevel4, set(1 << 7))]),
      Scenario(
        title: "PS and bit 8 in a PML5E on AMD", machine: amd,
        changes: [(.pageMapLevel5, set(0b11 << 7))]),
      Scenario(
        title: "bit 8 in a PML4E on AMD", machine: amd, changes: [(.pageMapLevel4, set(1 << 8))]),
    ] + levelScenarios
  }

  /// What can be wrong with an entry of any level, at each level of five.
  static var levelScenarios: [Scenario] {
    let five = Reference.Machine(levels: 5, maxphyaddr: 40)
    let withoutNXE = Reference.Machine(levels: 5, maxphyaddr: 40, nxe: false)
    var strict = CPUMode(privilege: .supervisor)
    strict.isWriteProtectEnabled = true
    return Level.allCases.sorted().flatMap { level in
      [
        Scenario(
          title: "P is clear in a \(level.entryName)", machine: five, access: Access(.write),
          changes: [(level, { $0 & ~1 })]),
        Scenario(
          title: "R/W is clear in a \(level.entryName), a supervisor's write", machine: five,
          access: Access(.write), mode: strict, changes: [(level, { $0 & ~2 })]),
        Scenario(
          title: "R/W is clear in a \(level.entryName), a user's write", machine: five,
          access: Access(.write), changes: [(level, { $0 & ~2 })]),
        Scenario(
          title: "U/S is clear in a \(level.entryName)", machine: five,
          changes: [(level, { $0 & ~4 })]),
        Scenario(
          title: "XD is set in a \(level.entryName)", machine: five, access: Access(.fetch),
          changes: [(level, { $0 | 1 << 63 })]),
        Scenario(
          title: "XD is set in a \(level.entryName) without NXE", machine: withoutNXE,
          changes: [(level, { $0 | 1 << 63 })]),
        Scenario(
          title: "an address bit that the processor lacks is set in a \(level.entryName)",
          machine: five, access: Access(.fetch), changes: [(level, { $0 | 1 << 45 })]),
      ]
    }
  }

  private static let file =
    String(#filePath.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" })
    + "/explanations.txt"

  @Test("Each explanation is the one in explanations.txt")
  func golden() throws {
    let actual = try Self.scenarios.map { try $0.text() }.joined(separator: "\n")
    if TestSetting.text("KVMPT_UPDATE_GOLDEN") != nil { Self.write(actual) }
    let wanted = try #require(Self.read(), "explanations.txt is missing")
    #expect(
      actual == wanted,
      "when the new words are better: KVMPT_UPDATE_GOLDEN=1 swift test --filter GoldenExplanation")
  }

  @Test("Each rule that an access can be blamed on appears in a scenario")
  func coverage() throws {
    let text = try Self.scenarios.map { try $0.text() }.joined()
    for rule in [
      ArchitectureRule.canonicalAddress(.bits48), .canonicalAddress(.bits57),
      .tableOutsideMemoryIsNotPresent, .present(at: .pageTable), .present(at: .pageDirectory),
      .present(at: .pageDirectoryPointerTable),
      .present(at: .pageMapLevel4), .present(at: .pageMapLevel5), .readWrite(at: .pageTable),
      .readWrite(at: .pageDirectory), .readWrite(at: .pageDirectoryPointerTable),
      .readWrite(at: .pageMapLevel4), .readWrite(at: .pageMapLevel5),
      .userSupervisor(at: .pageTable), .userSupervisor(at: .pageDirectory),
      .userSupervisor(at: .pageDirectoryPointerTable), .userSupervisor(at: .pageMapLevel4),
      .userSupervisor(at: .pageMapLevel5), .noExecute(at: .pageTable),
      .noExecute(at: .pageDirectory), .noExecute(at: .pageDirectoryPointerTable),
      .noExecute(at: .pageMapLevel4), .noExecute(at: .pageMapLevel5),
      .noExecuteReserved(at: .pageTable), .noExecuteReserved(at: .pageDirectory),
      .noExecuteReserved(at: .pageDirectoryPointerTable),
      .noExecuteReserved(at: .pageMapLevel4), .noExecuteReserved(at: .pageMapLevel5),
      .unimplementedAddress(at: .pageTable),
      .unimplementedAddress(at: .pageDirectory),
      .unimplementedAddress(at: .pageDirectoryPointerTable),
      .unimplementedAddress(at: .pageMapLevel4),
      .unimplementedAddress(at: .pageMapLevel5), .pageSizeReserved(at: .pageDirectoryPointerTable),
      .pageSizeReserved(at: .pageMapLevel4),
      .pageSizeReserved(at: .pageMapLevel5), .bit8Reserved(at: .pageMapLevel4),
      .bit8Reserved(at: .pageMapLevel5),
      .lowAddressReserved(in: .size2MiB),
      .lowAddressReserved(in: .size1GiB), .smepStopsSupervisorFetch, .smapStopsSupervisorRead,
      .smapStopsSupervisorWrite, .userKeyAccessDisable, .userKeyWriteDisable,
      .supervisorKeyAccessDisable, .supervisorKeyWriteDisable,
    ] {
      #expect(text.contains("[\(rule.id)]"), "\(rule.id)")
    }
  }

  private static func read() -> String? {
    // SAFETY: the stream is checked for null, used in this function only and closed by it.
    guard let stream = unsafe fopen(file, "r") else { return nil }
    defer { unsafe fclose(stream) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = unsafe bytes.withUnsafeMutableBytes {
      // SAFETY: the buffer is as long as `fread` is told.
      unsafe fread($0.baseAddress, 1, $0.count, stream)
    }
    return String(decoding: bytes.prefix(count), as: UTF8.self)
  }

  private static func write(_ text: String) {
    // SAFETY: the stream is checked for null, used in this function only and closed by it.
    guard let stream = unsafe fopen(file, "w") else { return }
    unsafe fputs(text, stream)
    unsafe fclose(stream)
  }
}
