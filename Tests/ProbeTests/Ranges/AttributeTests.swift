// What no access shows is compared in the leaves.

import GuestMem
import MMU
import Testing

@testable import Probe

@Suite("Attributes of leaves are what was asked for, or are reported")
struct AttributeTests {
  /// A page of each size with every attribute, and one with none.
  static let space: AddressSpace = {
    let sizes: [(PageSize, UInt64)] = [
      (.size4KiB, 0x1000), (.size2MiB, 1 << 21), (.size1GiB, 1 << 30),
    ]
    var mappings: [Mapping] = []
    for (index, (size, byteCount)) in sizes.enumerated() {
      for isRich in [false, true] {
        var properties = PageProperties(rights: [.read, .write], isUser: true)
        if isRich {
          properties.isGlobal = true
          properties.isAccessed = true
          properties.isDirty = true
          properties.memoryType = .writeProtected
          properties.protectionKey = 0b1010
          properties.softwareBits = 0b10_1010_1010
        }
        let slot = UInt64(index * 2 + (isRich ? 1 : 0))
        mappings.append(
          Mapping(
            name: "\(size.label) \(slot)",
            linearAddress: LinearAddress(truncating: (slot + 1) << 39, width: .bits48),
            byteCount: byteCount,
            target: .device(GuestPhysicalAddress(truncating: (slot + 4) << 30)),
            properties: properties, pageSize: .exactly(size)))
      }
    }
    return AddressSpace(memoryByteCount: 1 << 20, mappings: mappings)
  }()

  @Test("What was asked for is there")
  func soundLeaves() throws {
    let report = try Verifier.modelOnly.verify(Self.space)
    #expect(report.comparison?.isAgreement == true && report.agrees(but: ["no-machine"]))
  }

  @Test("Leaves written for another IA32_PAT than the guest's have other memory types")
  func otherPageAttributeTable() throws {
    var built = try Verifier.modelOnly.build(Self.space, nil)
    built.pageAttributeTable = PageAttributeTable.ostd
    let report = try Verifier.modelOnly.verify(built)
    // WP by index 5, which is WT there.
    let comparison = try #require(report.comparison)
    #expect(comparison.differenceCount == 3 && !report.isAgreement)
    for difference in comparison.differences {
      #expect(
        difference.message(in: comparison.pageAttributeTable)
          == "the memory type is WT instead of WP, which IA32_PAT does not have")
    }
  }

  /// What a bit of a leaf says that no access shows.
  static func property(of bit: Int) -> RangeProperties {
    switch bit {
    case 5: RangeProperties(.accessed)
    case 6: RangeProperties(.dirty)
    case 8: RangeProperties(.global)
    case 9, 10, 11, 52..<59: RangeProperties(.softwareBits)
    case 59..<63: RangeProperties(.protectionKey)
    default: RangeProperties(.memoryType)
    }
  }

  @Test("Each bit of each leaf that changes an attribute is reported, with its mapping and place")
  func everyBit() throws {
    let built = try Verifier.modelOnly.build(Self.space, nil)
    let memory = built.memory.view
    // By index: the types of the IA32_PAT that is loaded.
    let types = ["WB", "WT", "UC-", "UC", "WB", "WP", "WC", "UC"]
    var reportedCount = 0
    for (index, mapping) in Self.space.mappings.enumerated() {
      let walk = Walk(
        mapping.linearAddress.rawValue, cr3: built.cr3, configuration: built.configuration,
        in: memory)
      let step = walk.step(walk.stepCount - 1)
      let word = step.entry.rawValue
      let pat = step.level == .pageTable ? 7 : 12
      func patIndex(_ word: UInt64) -> Int { Int(word >> pat & 1) << 2 | Int(word >> 3 & 3) }
      for bit in [3, 4, 5, 6, 8, 9, 10, 11, pat] + Array(52..<63) {
        let flipped = word ^ 1 << bit
        memory.storeWord(flipped, at: step.entryAddress)
        defer { memory.storeWord(word, at: step.entryAddress) }
        let report = try Verifier.modelOnly.verify(built)
        let isDifferent =
          switch bit {
          case 3, 4, pat: types[patIndex(word)] != types[patIndex(flipped)]
          // Bits that are set though nobody asked for it may be hardware's.
          case 5, 6: word >> bit & 1 == 1
          default: true
          }
        let found = try #require(report.comparison).differences
        #expect(found.count == (isDifferent ? 1 : 0), "bit \(bit) of \(mapping.name)")
        guard let first = found.first else { continue }
        reportedCount += 1
        #expect(first.asked?.mapping == index && first.step?.entryAddress == step.entryAddress)
        #expect(first.kind == .different && first.properties == Self.property(of: bit))
        #expect(!report.isAgreement)
      }
    }
    print("attributes: \(reportedCount) flipped bits of leaves are reported")
    #expect(reportedCount > 100)
  }
}
