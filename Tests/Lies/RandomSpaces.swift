// RandomSpaces: address spaces made of a seed, and how to make a failing one smaller.

import GuestMem
import MMU
public import Probe
import TestImages
import TestSupport

/// Makes address spaces that are valid by construction.
public enum RandomSpaces {
  /// The space of a seed: mixed sizes, rights, both halves, aliases, devices, processor settings.
  public static func space(seed: UInt64, features: Set<MachineFeature>) -> AddressSpace {
    var random = SeededGenerator(seed: seed)
    let memoryByteCount: UInt64 = (8 << random.below(4)) << 20
    var space = AddressSpace(memoryByteCount: memoryByteCount, mappings: [], name: "seed \(seed)")
    space.processor = processor(&random, features)
    let count = 1 + random.below(10)
    for index in 0..<count {
      guard let mapping = mapping(Int(index), space, &random) else { continue }
      space.mappings.append(mapping)
      // A mapping that does not fit is left out.
      let isBuildable = (try? Verifier.modelOnly.build(space, nil)) != nil
      if !isBuildable { space.mappings.removeLast() }
    }
    return space
  }

  private static func processor(
    _ random: inout SeededGenerator, _ features: Set<MachineFeature>
  ) -> ProcessorSettings {
    var processor = ProcessorSettings()
    processor.isWriteProtectEnabled = !random.once(in: 4)
    processor.isNoExecuteEnabled = !random.once(in: 6)
    processor.isSMEPEnabled = features.contains(.smep) && random.once(in: 3)
    processor.isSMAPEnabled = features.contains(.smap) && random.once(in: 3)
    processor.isAlignmentCheckFlagSet = random.once(in: 3)
    if features.contains(.protectionKeys) && random.once(in: 3) {
      processor.isPKEEnabled = true
      processor.pkru = UInt32(truncatingIfNeeded: random.next()) & ~3
    }
    return processor
  }

  private static func mapping(
    _ index: Int, _ space: AddressSpace, _ random: inout SeededGenerator
  ) -> Mapping? {
    let size: PageSize = random.once(in: 3) ? .size2MiB : .size4KiB
    let choice: PageSizeChoice = random.once(in: 2) ? .largest : .exactly(size)
    let byteCount = size.byteCount * (1 + random.below(size == .size4KiB ? 20 : 3))
    let address = linearAddress(&random) & ~(size.byteCount - 1)
    let rights: [PageRights] = [
      [], [.read], [.read, .write], [.read, .execute], [.read, .write, .execute],
    ]
    var right = rights[Int(random.below(UInt64(rights.count)))]
    if !space.processor.isNoExecuteEnabled && !right.isEmpty { right.insert([.read, .execute]) }
    let target: MappingTarget
    switch random.below(5) {
    case _ where right.isEmpty: target = .anywhere
    case 0:
      // Often on top of another mapping's frames, so that aliases are common.
      let frame = random.below(space.memoryByteCount / size.byteCount) * size.byteCount
      target = .memory(GuestPhysicalAddress(truncating: frame))
    case 1:
      target = .memory(GuestPhysicalAddress(truncating: random.below(2) << 21))
    case 2:
      target = .device(
        GuestPhysicalAddress(truncating: (1 << 32) + random.below(1 << 8) * size.byteCount))
    default: target = .anywhere
    }
    return Mapping(
      name: "mapping \(index)", linearAddress: LinearAddress(truncating: address, width: .bits48),
      byteCount: byteCount, target: target,
      properties: PageProperties(
        rights: right, isUser: !right.isEmpty && random.once(in: 2), isGlobal: random.once(in: 3),
        isAccessed: random.once(in: 4), isDirty: random.once(in: 4),
        memoryType: MemoryType.allCases[Int(random.below(6))],
        protectionKey: space.processor.isPKEEnabled ? UInt8(random.below(16)) : 0,
        softwareBits: UInt16(random.below(1024))),
      pageSize: choice)
  }

  /// Both halves, their edges, and clusters in which tables are shared.
  private static func linearAddress(_ random: inout SeededGenerator) -> UInt64 {
    let low = random.next()
    switch random.below(6) {
    case 0: return low & 0x7fff_ffff_ffff
    case 1: return low | 0xffff_8000_0000_0000
    case 2: return 0x7fff_ffff_f000 - random.below(8) * 0x20_0000
    case 3: return 0xffff_ffff_8000_0000 + random.below(64) * 0x1_0000
    case 4: return random.below(64) * 0x1_0000
    default: return 0x40_0000_0000 + random.below(1024) * 0x1_0000
    }
  }

  /// A smaller space for which `fails` still holds: mappings are left out one by one, then cut.
  public static func shrunk(_ space: AddressSpace, fails: (AddressSpace) throws -> Bool) rethrows
    -> AddressSpace
  {
    var smallest = space
    var index = 0
    while index < smallest.mappings.count {
      var candidate = smallest
      candidate.mappings.remove(at: index)
      if try fails(candidate) { smallest = candidate } else { index += 1 }
    }
    for index in smallest.mappings.indices {
      while smallest.mappings[index].byteCount > 4096 {
        var candidate = smallest
        candidate.mappings[index].byteCount = candidate.mappings[index].byteCount / 8192 * 4096
        guard candidate.mappings[index].byteCount > 0, candidate.check().isEmpty,
          try fails(candidate)
        else { break }
        smallest = candidate
      }
    }
    return smallest
  }
}
