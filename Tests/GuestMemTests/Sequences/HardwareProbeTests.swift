// Random sequences, ended by a guest that uses the tables they left.

import GuestMem
import MMU
import Probe
import TestHosts
import TestImages
import TestSupport
import Testing

/// What this machine can do.
private enum Host {
  /// True when guests can run here, or must.
  static let hasKVM = RequiredMachine.mustHaveKVM || (try? KVMMachineFactory()) != nil
  /// True when QEMU can run guests here.
  static let hasQEMU = (try? QEMUMachineFactory()) != nil
  /// Why a test is skipped without it.
  static let qemuReason: Comment = "needs qemu-system-x86_64 on PATH (package qemu-system-x86)"
}

@Suite("Random tables do in a guest what the model says")
struct HardwareProbeTests {
  /// The frames below are what pages lead to; tables stand behind them.
  static let targetFrameCount: UInt64 = 1 << 20

  @Test(
    "A sample of random sequences on the 4-level format, by KVM",
    .enabled(if: Host.hasKVM, "needs /dev/kvm"), arguments: 1...8 as ClosedRange<UInt64>)
  func fourLevels(seed: UInt64) throws {
    try prove(NativePaging.self, seed: seed, levels: .pageMapLevel4, by: KVMMachineFactory())
  }

  @Test(
    "A sample of random sequences on the 5-level format, by QEMU",
    .enabled(if: Host.hasQEMU, Host.qemuReason), arguments: 9...16 as ClosedRange<UInt64>)
  func fiveLevels(seed: UInt64) throws {
    try prove(NativePaging.self, seed: seed, levels: .pageMapLevel5, by: QEMUMachineFactory())
  }

  @Test(
    "A sample in the format of OSTD, with its IA32_PAT, by KVM",
    .enabled(if: Host.hasKVM, "needs /dev/kvm"), arguments: 1...4 as ClosedRange<UInt64>)
  func formatOfOSTD(seed: UInt64) throws {
    try prove(WideOSTDPaging.self, seed: seed, levels: .pageMapLevel4, by: KVMMachineFactory())
  }

  @Test(
    "A sample in the format of OSTD, by QEMU",
    .enabled(if: Host.hasQEMU, Host.qemuReason),
    arguments: [.pageMapLevel4, .pageMapLevel5] as [Level])
  func formatOfOSTD(levels: Level) throws {
    try prove(WideOSTDPaging.self, seed: 1, levels: levels, by: QEMUMachineFactory())
  }

  /// Runs a sequence and lets a guest use every page that it left.
  func prove<Configuration: PageTableConfiguration>(
    _: Configuration.Type, seed: UInt64, levels: Level, by factory: some MachineFactory
  ) throws {
    var world = try World<Configuration>(
      levels: levels, frameCount: 4096, reservedFrameCount: Self.targetFrameCount)
    var random = RandomOperations(seed: seed, levels: levels, format: Configuration.entryFormat)
    var count = 0
    while count < 2000 || world.model.leaves.count < 40 {
      let operation = count % 64 == 63 ? random.entry() : random.light()
      let failure = apply(operation, number: count | 1, probe: random.page() << 12, to: &world)
      #expect(failure == nil, "seed \(seed)")
      count += 1
      if world.model.leaves.count > 400 {
        let half: UInt64 = levels == .pageMapLevel4 ? 1 << 35 : 1 << 44
        for start in [0, half] {
          #expect(apply(.unmap(start, half), number: 1, probe: 0, to: &world) == nil)
        }
      }
    }
    let verifier = Verifier(factory: factory)
    let space = Self.space(world.model, levels: levels)
    let profile = try #require(try verifier.profile(for: space))
    var built = try verifier.build(space, profile)
    try Self.move(world, to: built)
    built.pageAttributeTable = Configuration.pageAttributeTable
    let report = try verifier.verify(built, profile: profile)
    let total = report.total
    print(
      "hardware probe, \(Configuration.entryFormat) format, \(levels.rawValue) levels, seed \(seed):"
        + " \(count) operations left \(world.model.leaves.count) pages;"
        + " \(total.executedCount) probes executed, \(total.disagreementCount) disagree")
    for disagreement in report.disagreements.prefix(3) {
      Issue.record("seed \(seed): \(disagreement.verdict)")
    }
    #expect(
      report.agrees(but: lacksOfMachines.union(["unobservable-address"]))
        && total.executedCount > 0, "\(report.unproved)")
  }

  /// What the model says, as an address space that is asked for.
  static func space(_ model: Model, levels: Level) -> AddressSpace {
    let width: LinearAddressWidth = levels == .pageMapLevel4 ? .bits48 : .bits57
    let mappings = model.leaves.map { leaf in
      let hasRights = !leaf.properties.rights.isEmpty
      let size = PageSize(level: Level(rawValue: UInt8(leaf.level)) ?? .pageTable) ?? .size4KiB
      return Mapping(
        name: "page at \(String(leaf.start, radix: 16))",
        linearAddress: LinearAddress(truncating: leaf.start, width: width),
        byteCount: size.byteCount,
        target: hasRights ? .memory(physical(leaf.physical)) : .anywhere,
        properties: leaf.properties, pageSize: .exactly(size))
    }
    var space = AddressSpace(
      memoryByteCount: (targetFrameCount + 4096) * 4096, mappings: mappings)
    space.rootLevel = levels
    return space
  }

  /// Puts the tables of the world, which the sequence left, in the place of those that were built.
  static func move<Configuration: PageTableConfiguration>(
    _ world: borrowing World<Configuration>, to built: borrowing BuiltAddressSpace
  ) throws {
    let tables = try #require(
      world.memory.view.readWords(at: physical(targetFrameCount << 12), count: 4096 * 512))
    #expect(built.memory.view.writeWords(tables[...], at: physical(targetFrameCount << 12)))
    let root = try #require(
      world.memory.view.readWords(at: world.table.rootAddress, count: 512))
    #expect(built.memory.view.writeWords(root[...], at: physical(built.cr3)))
  }
}
