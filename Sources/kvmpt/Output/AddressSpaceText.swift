// AddressSpaceText: an address space as an address-space file.

import GuestMem
import MMU
import Probe

/// Writes what ``AddressSpaceFileReader`` reads; keys at their defaults are left out.
struct AddressSpaceText {
  private let space: AddressSpace
  private let comments: [String]

  init(_ space: AddressSpace, comments: [String] = []) {
    self.space = space
    self.comments = comments
  }

  /// The file.
  var text: String {
    var text = ""
    for comment in comments { text += "# \(Self.oneLine(comment))\n" }
    if !space.name.isEmpty { text += "name: \(Self.quotedText(space.name))\n" }
    text += "levels: \(space.rootLevel.rawValue)\n"
    text += memory
    text += processor
    if let slot = space.recursiveSlot {
      text += "recursive-slot: {index: \(slot.index), rights: \(Self.rights(slot.rights))}\n"
    }
    text += space.mappings.isEmpty ? "mappings: []\n" : "mappings:\n"
    for mapping in space.mappings { append(mapping, to: &text) }
    if !space.expectations.isEmpty { text += "expect:\n" }
    for expectation in space.expectations { append(expectation, to: &text) }
    return text
  }

  private var memory: String {
    if space.memory.count == 1, space.memory[0].base == 0 {
      return "memory: \(Self.size(space.memoryByteCount))\n"
    }
    return space.memory.reduce("memory:\n") {
      $0 + "  - {base: \(HexadecimalNumber($1.base)), size: \(Self.size($1.byteCount))}\n"
    }
  }

  private var processor: String {
    let controls = space.processor.controls
    var text = "processor: {wp: \(controls.isWriteProtectEnabled),"
    text += " nxe: \(space.processor.isNoExecuteEnabled)"
    for control in AccessControl.allCases where control != .writeProtect {
      // What nearly every file has is said, too, where it is off.
      let isUsual = [.smep, .smap, .pke].contains(control)
      guard isUsual || controls[control] != 0 else { continue }
      let value = controls[control]
      text += ", \(control.rawValue): "
      text += control.isBit ? "\(value != 0)" : "0x\(String(value, radix: 16))"
    }
    return text + "}\n"
  }

  private func append(_ mapping: Mapping, to text: inout String) {
    let properties = mapping.properties
    text += "  - {name: \(Self.quotedText(mapping.name)), "
    text += "linear: \(HexadecimalNumber(mapping.linearAddress.rawValue)), "
    text += "size: \(Self.size(mapping.byteCount)), rights: \(Self.rights(properties.rights))"
    switch mapping.target {
    case .anywhere: break
    case .memory(let address): text += ", physical: \(HexadecimalNumber(address.rawValue))"
    case .device(let address):
      text += ", physical: \(HexadecimalNumber(address.rawValue)), device: true"
    }
    if case .exactly(let size) = mapping.pageSize { text += ", page: \(size.label)" }
    if properties.isUser { text += ", user: true" }
    if properties.isGlobal { text += ", global: true" }
    if properties.isAccessed {
      text += ", accessed: true"
    } else if mapping.clearFlags.contains(.accessed) {
      text += ", accessed: false"
    }
    if properties.isDirty {
      text += ", dirty: true"
    } else if mapping.clearFlags.contains(.dirty) {
      text += ", dirty: false"
    }
    if properties.memoryType != .writeBack {
      text += ", memory-type: \(properties.memoryType.abbreviation)"
    }
    if properties.protectionKey != 0 { text += ", key: \(properties.protectionKey)" }
    if properties.softwareBits != 0 { text += ", software-bits: \(properties.softwareBits)" }
    text += "}\n"
  }

  private func append(_ expectation: Expectation, to text: inout String) {
    text += "  - {address: \(HexadecimalNumber(expectation.linearAddress)), "
    text += "access: \(expectation.access.label), cpl: \(expectation.privilege.rawValue), "
    switch expectation.outcome {
    case .success(nil): text += "outcome: success"
    case .success(let address?):
      text += "outcome: success, physical: \(HexadecimalNumber(address.rawValue))"
    case .fault(nil): text += "outcome: fault"
    case .fault(let code?):
      text += "outcome: fault, error-code: 0x\(String(code, radix: 16))"
    }
    text += "}\n"
  }

  private static func rights(_ rights: PageRights) -> String {
    (rights.contains(.read) ? "r" : "-") + (rights.contains(.write) ? "w" : "-")
      + (rights.contains(.execute) ? "x" : "-")
  }

  /// Without the space that messages have before the unit.
  private static func size(_ count: UInt64) -> String {
    "\(ByteCount(count))".replacing(" bytes", with: "").replacing(" byte", with: "")
      .replacing(" ", with: "")
  }

  /// In double quotes with the escapes of JSON, which YAML's are a superset of.
  private static func quotedText(_ text: String) -> String { JSONWriter<String>.escaped(text) }

  private static func oneLine(_ text: String) -> String {
    PlainText.oneLine(text)
  }
}
