// AttributeDisagreement: what a leaf says that no access shows, held against what was asked for.

import GuestMem
public import MMU

/// A leaf with an attribute that is not the one asked for.
///
/// Accesses show translation and rights. The memory type, the global bit, software's bits, and the
/// protection key while keys are off, show in no access: here asked is compared with modelled only.
public struct AttributeDisagreement: Hashable, Sendable {
  /// The index of the mapping.
  public let mapping: Int
  /// The first linear address that was probed below the leaf.
  public let linearAddress: UInt64
  /// The leaf.
  public let step: WalkStep
  /// What is wrong, such as `the memory type is WB instead of UC`.
  public let message: String
  /// The bits of the entry that say so.
  public let bits: UInt64
}

extension AttributeDisagreement {
  /// The leaves of all mapped pages of a plan, as long as `limit` is not reached.
  ///
  /// Complexity: one walk per page.
  static func all(
    in built: borrowing BuiltAddressSpace, plan: ProbePlan, limit: Int
  ) -> [AttributeDisagreement] {
    let memory = built.memory.view
    let cr3 = built.cr3
    // A leaf that the machine lacks is a leaf all the same.
    var configuration = built.configuration
    configuration.supports1GiBPages = true
    let space = built.space
    let pat = built.pageAttributeTable
    var found: [AttributeDisagreement] = []
    var previous: GuestPhysicalAddress?
    for page in plan.pages {
      guard case .mapping(let index) = page.subject else { continue }
      let walk = Walk(page.linearAddress, cr3: cr3, configuration: configuration, in: memory)
      guard case .page = walk.end, walk.stepCount > 0 else { continue }
      let step = walk.step(walk.stepCount - 1)
      // The pages of one leaf follow each other.
      guard step.entryAddress != previous else { continue }
      previous = step.entryAddress
      for (message, bits) in differences(
        step.entry, space.mappings[index].properties, pat: pat)
      {
        found.append(
          AttributeDisagreement(
            mapping: index, linearAddress: page.linearAddress, step: step, message: message,
            bits: bits))
        if found.count == limit { return found }
      }
    }
    return found
  }

  /// Source: Intel SDM volume 3A, sections 5.9.2 (memory types), 5.10.2.4 (global pages), 5.6.2
  /// (protection keys).
  private static func differences(
    _ entry: PageTableEntry, _ asked: PageProperties, pat: UInt64
  ) -> [(message: String, bits: UInt64)] {
    guard !asked.rights.isEmpty else { return [] }
    var found: [(message: String, bits: UInt64)] = []
    let type = MemoryType(patIndex: entry.patIndex, in: pat)
    if type != asked.memoryType {
      let patBit =
        entry.level == .pageTable
        ? PageTableEntry.Bit.patOf4KiBPage : PageTableEntry.Bit.patOfLargePage
      found.append(
        (
          "the memory type is \(type?.abbreviation ?? "reserved") instead of"
            + " \(asked.memoryType.abbreviation)",
          patBit | PageTableEntry.Bit.pageLevelCacheDisable
            | PageTableEntry.Bit.pageLevelWriteThrough
        ))
    }
    if entry.isGlobal != asked.isGlobal {
      found.append(
        ("the page is \(asked.isGlobal ? "not " : "")global", PageTableEntry.Bit.global))
    }
    if entry.protectionKey != asked.protectionKey {
      found.append(
        (
          "the protection key is \(entry.protectionKey) instead of \(asked.protectionKey)",
          PageTableEntry.Bit.protectionKey
        ))
    }
    if entry.softwareBits != asked.softwareBits {
      found.append(
        (
          "software's bits are \(HexadecimalNumber(UInt64(entry.softwareBits))) instead of"
            + " \(HexadecimalNumber(UInt64(asked.softwareBits)))",
          PageTableEntry.Bit.software
        ))
    }
    // Hardware sets these bits: only what was asked to be set from the start can be missing.
    if asked.isAccessed && !entry.isAccessed {
      found.append(("bit 5 (A) is not set from the start", PageTableEntry.Bit.accessed))
    }
    if asked.isDirty && !entry.isDirty {
      found.append(("bit 6 (D) is not set from the start", PageTableEntry.Bit.dirty))
    }
    return found
  }
}

extension MemoryType {
  /// The type at an index of an IA32_PAT, or nil for a reserved one.
  ///
  /// Source: Intel SDM volume 3A, section 13.12.2, tables 13-10 and 13-11.
  init?(patIndex: UInt8, in pageAttributeTable: UInt64) {
    switch pageAttributeTable >> (8 * UInt64(patIndex & 7)) & 0xff {
    case 0: self = .uncacheable
    case 1: self = .writeCombining
    case 4: self = .writeThrough
    case 5: self = .writeProtected
    case 6: self = .writeBack
    case 7: self = .uncachedMinus
    default: return nil
    }
  }
}
