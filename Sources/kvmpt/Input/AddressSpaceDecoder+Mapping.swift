// The entries of `mappings`.

import GuestMem
import MMU
import Probe

extension AddressSpaceDecoder {
  /// The mapping, or nil when one of its values could not be read.
  func decodeMapping(_ fields: inout FieldReader, number: Int) -> Mapping? {
    if fields.isIncomplete { return nil }
    let name = fields.text("name", isName: true) ?? "mapping \(number)"
    var linear: LinearAddress?
    if fields.requiredNode("linear", example: "0x20_0000") != nil {
      linear = linearAddress("linear", in: &fields)
    }
    var byteCount: UInt64?
    if fields.requiredNode("size", example: "4KiB") != nil {
      byteCount = fields.number("size", allowsUnit: true)
    }
    var rights: PageRights?
    if fields.requiredNode("rights", example: "rw-") != nil {
      rights = decodeRights(&fields)
    }
    let target = decodeTarget(&fields)
    let pageSize = fields.word("page", Self.pageSizes) ?? .largest
    var properties = PageProperties(rights: rights ?? [])
    properties.isUser = fields.flag("user") ?? false
    properties.isGlobal = fields.flag("global") ?? false
    let isAccessed = fields.flag("accessed")
    let isDirty = fields.flag("dirty")
    properties.isAccessed = isAccessed ?? false
    properties.isDirty = isDirty ?? false
    properties.memoryType = fields.word("memory-type", Self.memoryTypes) ?? .writeBack
    if let key = fields.number("key", maximum: 15) {
      properties.protectionKey = UInt8(truncatingIfNeeded: key)
    }
    if let bits = fields.number("software-bits", maximum: 0x3ff) {
      properties.softwareBits = UInt16(truncatingIfNeeded: bits)
    }
    if rights?.isEmpty == true { refuseProperties(&fields) }
    guard !fields.isIncomplete, let linear, let byteCount else { return nil }
    var mapping = Mapping(
      name: name, linearAddress: linear, byteCount: byteCount, target: target,
      properties: properties, pageSize: pageSize)
    if isAccessed == false { mapping.clearFlags.insert(.accessed) }
    if isDirty == false { mapping.clearFlags.insert(.dirty) }
    return mapping
  }

  /// A range that must not be mapped has no entries that could have properties.
  private func refuseProperties(_ fields: inout FieldReader) {
    let properties = [
      "user", "page", "memory-type", "key", "global", "accessed", "dirty", "software-bits",
      "device",
    ]
    for key in properties where fields.has(key) {
      fields.report(
        "property-without-rights", at: key,
        "a range without rights is not mapped: it has no '\(key)'",
        hint: "remove '\(key)', or give the range rights such as r--")
    }
  }

  private static let pageSizes: [(word: String, value: PageSizeChoice)] =
    [("largest", .largest)] + PageSize.allCases.map { ($0.label, .exactly($0)) }

  private static let memoryTypes: [(word: String, value: MemoryType)] = [
    MemoryType.writeBack, .writeThrough, .uncacheable, .uncachedMinus, .writeCombining,
    .writeProtected,
  ].map { ($0.abbreviation, $0) }

  private func decodeTarget(_ fields: inout FieldReader) -> MappingTarget {
    let isDevice = fields.flag("device") ?? false
    var isAnywhere = !fields.has("physical")
    if case .scalar("anywhere", _)? = fields.node("physical")?.content { isAnywhere = true }
    if isAnywhere {
      if isDevice {
        fields.report(
          "device-without-address", at: "device", "a device cannot be anywhere",
          hint: "give its physical address, above the guest memory")
      }
      return .anywhere
    }
    guard let address = physicalAddress("physical", in: &fields) else { return .anywhere }
    return isDevice ? .device(address) : .memory(address)
  }

  /// `r`, `w` and `x` in this order, each of them or `-`; or `none`.
  func decodeRights(_ fields: inout FieldReader) -> PageRights? {
    let expected = "write r, w and x in this order, with '-' for what is missing, such as r-x"
    guard let (text, _) = fields.scalar("rights", expected: expected) else { return nil }
    if text == "none" { return [] }
    let letters: [(letter: UInt8, right: PageRights)] = [
      (UInt8(ascii: "r"), .read), (UInt8(ascii: "w"), .write), (UInt8(ascii: "x"), .execute),
    ]
    var rights: PageRights = []
    var isWellFormed = text.utf8.count == 3
    for (byte, (letter, right)) in zip(text.utf8, letters) {
      if byte == letter {
        rights.insert(right)
      } else if byte != UInt8(ascii: "-") {
        isWellFormed = false
      }
    }
    if isWellFormed { return rights }
    fields.report(
      "bad-rights", at: "rights", "\(quoted(text)) are not rights",
      hint: Self.meantRights(text).map { "did you mean \($0)?" } ?? expected)
    return nil
  }

  /// `xr` and `RX` mean `r-x`.
  private static func meantRights(_ text: String) -> String? {
    let letters = text.lowercased()
    let known = letters.allSatisfy { "rwx-".contains($0) }
    guard known, !letters.isEmpty, letters.count <= 3 else { return nil }
    return "rwx".map { letters.contains($0) ? String($0) : "-" }.joined()
  }
}
