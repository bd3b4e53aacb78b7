// The value of `recursive-slot`: an index, or an index and rights.

import GuestMem
import Probe

extension AddressSpaceDecoder {
  /// The slot of a file, or nil when it has none, or one that could not be read.
  mutating func decodeRecursiveSlot(_ file: inout FieldReader) -> RecursiveSlot? {
    guard let node = file.node("recursive-slot") else { return nil }
    positions.recursiveIndex = node.position
    positions.recursiveRights = node.position
    guard case .mapping = node.content else {
      // A number alone is the index of a slot with the usual rights.
      return file.number("recursive-slot").map { RecursiveSlot(index: Int(clamping: $0)) }
    }
    var fields = FieldReader(node, .recursiveSlot)
    defer { problems += fields.problems }
    positions.recursiveIndex = fields.positions["index"]
    positions.recursiveRights = fields.positions["rights"]
    var index: UInt64?
    if fields.requiredNode("index", example: "510") != nil { index = fields.number("index") }
    let rights = fields.has("rights") ? decodeRights(&fields) : [.read, .write]
    if fields.flag("user") == true {
      fields.report(
        "user-recursive-slot", at: "user",
        "code at CPL 3 could change the tables through the recursive slot",
        hint: "remove 'user': the slot is for CPL 0 alone")
    }
    guard !fields.isIncomplete, let index, let rights else { return nil }
    return RecursiveSlot(index: Int(clamping: index), rights: rights)
  }
}
