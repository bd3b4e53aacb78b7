// What is said about pages, in words.

import GuestMem
import MMU

extension PageStatement {
  /// All that is said, in a few words, such as `rw- user at 0x1000 4KiB WB G`.
  ///
  /// A right of which nothing is said is `?`; memory types have their names by
  /// `pageAttributeTable`. What is not so, such as G that is clear, is only named where it is among
  /// `properties`.
  public func words(
    in pageAttributeTable: UInt64, naming properties: RangeProperties = []
  ) -> String {
    func letter(_ isGiven: Bool?, _ letter: String) -> String {
      isGiven.map { $0 ? letter : "-" } ?? "?"
    }
    var text = "r" + letter(isWritable, "w") + letter(isExecutable, "x")
    func add(_ isSet: Bool?, _ name: String, _ property: RangeProperty) {
      if isSet == true { text += " " + name }
      if isSet == false && properties.contains(property) { text += " no " + name }
    }
    add(isUser, "user", .user)
    if isUser == nil { text += " user?" }
    if let physicalAddress { text += " at \(HexadecimalNumber(physicalAddress))" }
    if let pageSize { text += " \(pageSize.label)" }
    if patIndices != 0xff { text += " \(memoryTypeWords(in: pageAttributeTable))" }
    add(isGlobal, "G", .global)
    if let protectionKey, protectionKey != 0 || properties.contains(.protectionKey) {
      text += " key \(protectionKey)"
    }
    if let softwareBits, softwareBits != 0 || properties.contains(.softwareBits) {
      text += " software's bits \(HexadecimalNumber(UInt64(softwareBits)))"
    }
    add(isAccessed, "A", .accessed)
    add(isDirty, "D", .dirty)
    return text
  }

  /// The value of one property, or nil where it is not said.
  func words(_ property: RangeProperty, in pageAttributeTable: UInt64) -> String? {
    func right(_ isGiven: Bool?) -> String? { isGiven.map { $0 ? "given" : "denied" } }
    func bit(_ isSet: Bool?) -> String? { isSet.map { $0 ? "set" : "clear" } }
    return switch property {
    case .physicalAddress: physicalAddress.map { "\(HexadecimalNumber($0))" }
    case .writable: right(isWritable)
    case .executable: right(isExecutable)
    case .user: right(isUser)
    case .memoryType: patIndices == 0xff ? nil : memoryTypeWords(in: pageAttributeTable)
    case .global: bit(isGlobal)
    case .protectionKey: protectionKey.map { "\($0)" }
    case .pageSize: pageSizeWords
    case .softwareBits: softwareBits.map { "\(HexadecimalNumber(UInt64($0)))" }
    case .accessed: bit(isAccessed)
    case .dirty: bit(isDirty)
    }
  }

  /// The types that the pages may have, each once.
  private func memoryTypeWords(in pageAttributeTable: UInt64) -> String {
    var names: [String] = []
    for index in UInt8(0)..<8 where patIndices >> index & 1 != 0 {
      let type = MemoryType(patIndex: index, in: pageAttributeTable)
      let name = type?.abbreviation ?? "reserved"
      if !names.contains(name) { names.append(name) }
    }
    guard names.isEmpty else { return names.joined(separator: " or ") }
    return "\(memoryType?.abbreviation ?? "a type"), which IA32_PAT does not have"
  }

  private var pageSizeWords: String? {
    let sizes = PageSize.allCases.filter { allowed.contains(.size($0)) }
    if sizes.count == PageSize.allCases.count { return nil }
    return sizes.map(\.label).joined(separator: " or ")
  }
}
