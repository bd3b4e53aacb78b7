// Random sequences, ended by a guest that uses the tables they left.

import GuestMem
import MMU
import Probe
import Testing

/// What this machine can do.
private enum Host {
  /// True when guests can run here.
  static let hasKVM = (try? KVMMachineFactory()) != nil
}

@Suite(
  "Random tables do in a guest what the model says",
  .enabled(if: Host.hasKVM, "needs /dev/kvm"))
struct HardwareProbeTests {
  /// The frames below are what pages lead to; tables stand behind them.
  static let targetFrameCount: UInt64 = 1 << 20

  @Test(
    "A sample of random sequences on the 4-level format", arguments: 1...8 as ClosedRange<UInt64>)
  func sample(seed: UInt64) throws {
    var world = try World<NativePaging>(
      levels: .pageMapLevel4, frameCount: 4096, reservedFrameCount: Self.targetFrameCount)
    var random = RandomOperations(seed: seed, levels: .pageMapLevel4)
    var count = 0
    while count < 2000 || world.model.leaves.count < 40 {
      let operation = count % 64 == 63 ? random.entry() : random.light()
      let failure = apply(operation, number: count | 1, probe: random.page() << 12, to: &world)
      #expect(failure == nil, "seed \(seed)")
      count += 1
      if world.model.leaves.count > 400 {
        let half: UInt64 = 1 << 35
        for start in [0, half] {
          #expect(apply(.unmap(start, half), number: 1, probe: 0, to: &world) == nil)
        }
      }
    }
    let verifier = try Verifier()
    let space = Self.space(world.model)
    let profile = try #require(try verifier.profile(for: space))
    let built = try verifier.build(space, profile)
    try Self.move(world, to: built)
    let report = try verifier.verify(built, profile: profile)
    let total = report.total
    print(
      "hardware probe, seed \(seed): \(count) operations left \(world.model.leaves.count) pages;"
        + " \(total.executedCount) probes executed, \(total.disagreementCount) disagree")
    for disagreement in report.disagreements.prefix(3) {
      Issue.record("seed \(seed): \(disagreement.verdict)")
    }
    #expect(report.isAgreement && total.executedCount > 0)
  }

  /// What the model says, as an address space that is asked for.
  static func space(_ model: Model) -> AddressSpace {
    let mappings = model.leaves.map { leaf in
      let hasRights = !leaf.properties.rights.isEmpty
      let size = PageSize(level: Level(rawValue: UInt8(leaf.level)) ?? .pageTable) ?? .size4KiB
      return Mapping(
        name: "page at \(String(leaf.start, radix: 16))",
        linearAddress: LinearAddress(truncating: leaf.start, width: .bits48),
        byteCount: size.byteCount,
        target: hasRights ? .memory(physical(leaf.physical)) : .anywhere,
        properties: leaf.properties, pageSize: .exactly(size))
    }
    return AddressSpace(
      memoryByteCount: (targetFrameCount + 4096) * 4096, mappings: mappings)
  }

  /// Puts the tables of the world, which the sequence left, in the place of those that were built.
  static func move(_ world: borrowing World<NativePaging>, to built: borrowing BuiltAddressSpace)
    throws
  {
    let tables = try #require(
      world.memory.view.readWords(at: physical(targetFrameCount << 12), count: 4096 * 512))
    #expect(built.memory.view.writeWords(tables[...], at: physical(targetFrameCount << 12)))
    let root = try #require(
      world.memory.view.readWords(at: world.table.rootAddress, count: 512))
    #expect(built.memory.view.writeWords(root[...], at: physical(built.cr3)))
  }
}
