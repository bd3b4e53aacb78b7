// SeededFault: a fault of each rule of audit, put into a sound image, and what must be found.

import MMU

@testable import kvmpt

/// What a finding says of a place.
struct FoundPlace: Hashable {
  let rule: AuditRule
  let first: UInt64
  let byteCount: UInt64

  init(_ rule: AuditRule, _ first: UInt64, _ byteCount: UInt64 = 4096) {
    self.rule = rule
    self.first = first
    self.byteCount = byteCount
  }
}

enum SeededFault {
  /// How many faults of a rule there are.
  static func count(of rule: AuditRule) -> Int {
    switch rule {
    case .registerMapping: 8
    case .reservedBits, .leafBeyondMemory, .parentRestrictsLeaf: 2
    default: 1
    }
  }

  /// Puts a fault of `rule` at the page of `place`, and says what is found then, and nothing else.
  static func put(
    _ rule: AuditRule, _ variant: Int, at place: Int, into image: inout SoundImage
  ) -> Set<FoundPlace> {
    func at(_ region: SoundImage.Region) -> UInt64 { image.address(region, place) }
    // What is below the shared page table is found at both ways to it.
    let both = [at(.userCode), at(.userCodeAgain)]
    func everywhere(_ rule: AuditRule) -> Set<FoundPlace> { Set(both.map { FoundPlace(rule, $0) }) }
    let textFrame = 0x80_0000 + UInt64(place) * 5 * 4096
    switch rule {
    case .writableAndExecutable:
      image.change(at(.userCode)) { $0 |= 2 }
      return everywhere(rule)
    case .userWritableSupervisorData:
      return [FoundPlace(rule, image.add(place, to: 0x300_0000, 0x6 | 1 << 63))]
    case .supervisorTextWritableAlias:
      _ = image.add(place, to: textFrame, 0x2 | 1 << 63)
      return [FoundPlace(rule, at(.text))]
    case .tableMappedWritable:
      return [FoundPlace(rule, image.add(place, to: 0x10_1000, 0x2 | 1 << 63))]
    case .tableMappedUser:
      return [FoundPlace(rule, image.add(place, to: 0x10_1000, 0x4 | 1 << 63))]
    case .tableSharedBetweenLevels:
      // An empty table as a page directory and as a page table.
      let linear = image.add(0, to: 0x300_0000, 1 << 63)
      let (directory, _) = image.entry(of: linear, level: 2)
      let (pointers, _) = image.entry(of: linear, level: 3)
      let table = image.makeTable()
      image.set(table | 0x21, at: place + 3, of: directory)
      image.set(table | 0x21, at: place + 3, of: pointers)
      return [
        FoundPlace(rule, linear + UInt64(place + 3) << 21, 2 << 20),
        FoundPlace(rule, linear + UInt64(place + 3) << 30, 1 << 30),
      ]
    case .loop:
      // A page directory whose entry leads to itself, as to a page table.
      let linear = SoundImage.Region.free.rawValue
      _ = image.add(0, to: 0x300_0000, 1 << 63)
      let (pointers, _) = image.entry(of: linear, level: 3)
      let directory = image.makeTable()
      image.set(directory | 0x21, at: place + 3, of: pointers)
      image.set(directory | 0x21 | 1 << 63, at: place + 1, of: directory)
      let start = linear + UInt64(place + 3) << 30
      let inside = start + UInt64(place + 1) << 21
      return [
        FoundPlace(rule, inside, 2 << 20),
        FoundPlace(.tableSharedBetweenLevels, start, 1 << 30),
        FoundPlace(.tableSharedBetweenLevels, inside, 2 << 20),
      ]
    case .reservedBits:
      if variant == 1 {
        image.change(at(.userCode)) { $0 |= 1 << 50 }
        return everywhere(rule)
      }
      return [FoundPlace(rule, image.add(place, to: 0x220_2000, 1 << 63, level: 2), 2 << 20)]
    case .notPresentWithAddress:
      image.change(at(.userCode)) { $0 &= ~1 }
      return everywhere(rule)
    case .executableUserStack:
      image.change(at(.userStack)) { $0 = $0 & ~(1 << 63 | 0x42) }
      return [FoundPlace(rule, at(.userStack))]
    case .parentRestrictsLeaf:
      let region: SoundImage.Region = variant == 0 ? .userCode : .userCodeAgain
      image.change(region.rawValue, level: 2) { $0 |= 1 << 63 }
      return Set(image.pages.indices.map { FoundPlace(rule, image.address(region, $0)) })
    case .largePageMemoryTypes:
      // UC, beside the large page, which is WB.
      _ = image.add(place, to: 0x200_0000 + UInt64(place) << 12, 0x1a | 1 << 63)
      return [
        FoundPlace(rule, SoundImage.Region.largeData.rawValue + UInt64(place) << 12)
      ]
    case .tableOutsideMemory:
      image.change(SoundImage.Region.free.rawValue + 1 << 21, level: 2) { _ in }
      let linear = image.add(0, to: 0x300_0000, 1 << 63)
      let (directory, _) = image.entry(of: linear, level: 2)
      image.set(0x7000_0021, at: place + 2, of: directory)
      return [FoundPlace(rule, linear + UInt64(place + 2) << 21, 2 << 20)]
    case .dirtyWithoutAccessed:
      image.change(at(.data)) { $0 &= ~0x20 }
      return [FoundPlace(rule, at(.data))]
    case .dirtyReadOnly:
      image.change(at(.userCode)) { $0 |= 0x40 }
      return everywhere(rule)
    case .accessedBelowNotAccessed:
      // A is clear on the second way alone, whose page table has its own findings then.
      image.change(SoundImage.Region.userCodeAgain.rawValue, level: 2) { $0 &= ~0x20 }
      return Set(image.pages.indices.map { FoundPlace(rule, image.address(.userCodeAgain, $0)) })
    case .writeProtectOff:
      image.cr0 &= ~(1 << 16)
      // SMAP keeps CPL 0 away from the user's pages.
      let readOnly = image.pages.indices.flatMap {
        [image.address(.text, $0), image.address(.constants, $0)]
      }
      return Set(readOnly.map { FoundPlace(rule, $0) })
        .union(
          image.pages.indices.map { FoundPlace(.writableAndExecutable, image.address(.text, $0)) })
    case .leafBeyondMemory:
      let physical: UInt64 = variant == 0 ? 0x7000_0000 : 0x7000_0000_0000
      return [FoundPlace(rule, image.add(place, to: physical, 0x2 | 1 << 63))]
    case .registerMapping: return register(variant, at: place, into: &image)
    case .possibleShadowStack:
      image.cr4 |= 1 << 23
      image.change(at(.userCode)) { $0 |= 0x40 }
      return everywhere(rule)
    }
  }

  private static func register(
    _ variant: Int, at place: Int, into image: inout SoundImage
  ) -> Set<FoundPlace> {
    let constants = image.address(.constants, place)
    let user = image.address(.userStack, place)
    let free = SoundImage.Region.free.rawValue + UInt64(place) << 12
    let found: UInt64
    switch variant {
    // RIP in constants, in a user's page under SMEP, and where nothing is mapped.
    case 0: (found, image.registers[0x88]) = (constants, constants + 5)
    case 1:
      (found, image.registers[0x88]) = (
        image.address(.userCode, place), image.address(.userCode, place)
      )
    case 2: (found, image.registers[0x88]) = (free, free + 8)
    // RSP at the end of a page of constants.
    case 3: (found, image.registers[0x38]) = (constants, constants + 4096)
    // IDT where nothing is mapped; GDT in a user's page, which SMAP hides, and without SMAP.
    case 4:
      image.setSegment(0x170, base: free)
      found = free
    case 5:
      image.setSegment(0x158, base: user)
      found = user
    case 6:
      image.cr4 &= ~(1 << 21)
      image.setSegment(0x158, base: user)
      found = user
    // The second page of a TSS; of the first only the last bytes are of it.
    default:
      let data = image.address(.data, place)
      image.setSegment(0x140, base: data + 4096 - 8, limit: 0x67)
      found = data + 4096
    }
    return [FoundPlace(.registerMapping, found)]
  }
}
