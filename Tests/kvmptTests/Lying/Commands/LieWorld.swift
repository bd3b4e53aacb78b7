// LieWorld: the tables that a lie is told about, as a file asks for them and as an image holds them.

import GuestMem
import MMU
import TestImages

@testable import Probe

/// Which tables, and which control registers.
enum LieWorld: Hashable, Sendable {
  case plain
  /// Without pages of 1 GiB, which some machines lack.
  case ordinary
  case fiveLevels
  case feature(MachineFeature)
  /// As many pages as two workers share.
  case workers

  /// What a lie needs to be told.
  init(_ lie: MachineLie) {
    switch lie {
    case .deadlyFeature(.fiveLevelPaging): self = .fiveLevels
    case .deadlyFeature(let feature): self = .feature(feature)
    case .keysUntilFirstUse: self = .feature(.protectionKeys)
    case .inLastWorker: self = .workers
    default: self = lie.level == .pageMapLevel5 ? .fiveLevels : .plain
    }
  }

  static let workerPageCount: UInt64 = 1100
  /// The page of the last worker.
  static let lastPage: UInt64 = 0x40_0000 + (workerPageCount - 1) << 12

  /// The same for machines that may lack pages of 1 GiB.
  var withoutLargestPages: LieWorld { self == .plain ? .ordinary : self }

  var rootLevel: Level { self == .fiveLevels ? .pageMapLevel5 : .pageMapLevel4 }

  var settings: ProcessorSettings {
    var settings = ProcessorSettings()
    switch self {
    case .feature(.smep): settings.isSMEPEnabled = true
    case .feature(.smap): settings.isSMAPEnabled = true
    case .feature(.protectionKeys):
      settings.isPKEEnabled = true
      settings.pkru = 0b1000
    case .plain, .ordinary, .fiveLevels, .workers, .feature: break
    }
    return settings
  }

  /// A range of pages that both sides have.
  struct Part: Sendable {
    let name: String
    let linear: UInt64
    var byteCount: UInt64 = 4096
    let physical: UInt64
    let rights: PageRights
    var isUser = true
    var size = PageSize.size4KiB
    var isUsed = false
    var isDevice = false
  }

  /// What is mapped.
  ///
  /// Pages of each size, each with a root entry of its own, refused and allowed accesses at both
  /// privileges, a page that has A and D already, and addresses without memory.
  var parts: [Part] {
    if self == .workers {
      return [
        Part(
          name: "many", linear: 0x40_0000, byteCount: Self.workerPageCount << 12,
          physical: 0x10_0000, rights: [.read, .write, .execute])
      ]
    }
    return [
      Part(name: "first", linear: 0x20_0000, physical: 0, rights: [.read]),
      Part(name: "code", linear: 0x40_0000, physical: 0x10_0000, rights: [.read, .execute]),
      Part(name: "data", linear: 0x40_1000, physical: 0x10_1000, rights: [.read, .write]),
      Part(name: "constants", linear: 0x40_3000, physical: 0x10_2000, rights: [.read]),
      Part(
        name: "kernel", linear: 0x100_0000_0000, physical: 0x10_3000,
        rights: [.read, .write, .execute], isUser: false),
      Part(
        name: "used", linear: 0x100_0000_2000, physical: 0x10_4000, rights: [.read, .write],
        isUsed: true),
      Part(
        name: "large", linear: 0x180_0000_0000, byteCount: 2 << 20, physical: 0x40_0000,
        rights: [.read, .write], size: .size2MiB),
      Part(
        name: "device", linear: 0x200_0000_0000, physical: 0xfe00_0000, rights: [.read, .write],
        isDevice: true),
      Part(
        name: "window", linear: 0x280_0000_0000, byteCount: 1 << 30, physical: 4 << 30,
        rights: [.read, .write], size: .size1GiB, isDevice: true),
    ].filter { self != .ordinary || $0.size != .size1GiB }
  }

  var byteCount: UInt64 { 8 << 20 }

  /// What a file asks for.
  var space: AddressSpace {
    AddressSpace(
      rootLevel: rootLevel, memoryByteCount: byteCount, processor: settings,
      mappings: parts.map { part in
        let address = GuestPhysicalAddress(truncating: part.physical)
        return Mapping(
          name: part.name,
          linearAddress: LinearAddress(
            truncating: part.linear, width: rootLevel == .pageMapLevel5 ? .bits57 : .bits48),
          byteCount: part.byteCount, target: part.isDevice ? .device(address) : .memory(address),
          properties: PageProperties(
            rights: part.rights, isUser: part.isUser, isAccessed: part.isUsed,
            isDirty: part.isUsed), pageSize: .exactly(part.size))
      }, name: "lies")
  }

  /// The same as somebody else's tables.
  var image: TableImage {
    var image = TableImage(root: 0x1000, levels: Int(rootLevel.rawValue))
    for part in parts {
      var bits: TableImage.Bits = [.present]
      if part.rights.contains(.write) { bits.insert(.writable) }
      if !part.rights.contains(.execute) { bits.insert(.noExecute) }
      if part.isUser { bits.insert(.user) }
      if part.isUsed {
        bits.formUnion(
          TableImage.Bits(rawValue: PageTableEntry.Bit.accessed | PageTableEntry.Bit.dirty))
      }
      for offset in stride(from: 0, to: part.byteCount, by: Int(part.size.byteCount)) {
        image.map(
          part.linear + offset, to: part.physical + offset, bits,
          level: Int(part.size.level.rawValue))
      }
    }
    return image
  }

  /// The image as a question, with what somebody expects or without.
  func question(isAsked: Bool) throws -> ImageQuestion {
    ImageQuestion(
      cr3: image.root,
      configuration: try PagingConfiguration(rootLevel: rootLevel, physicalAddressWidth: 46),
      settings: settings,
      expectation: isAsked
        ? ImageExpectation(space: space, placements: parts.map(\.physical)) : nil)
  }
}
