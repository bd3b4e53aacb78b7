// WalkText: a walk with every entry that it read, as text and as JSON.

import MMU
import Probe

/// Writes the steps of a walk and its end.
struct WalkText {
  let walk: Walk
  let styler: TextStyler
  let pat: PATArgument

  var text: String {
    var table = TextTable([
      ("entry", .left), ("index", .right), ("at", .left), ("value", .left), ("bits", .left),
    ])
    for step in walk.steps {
      table.append([
        .init(step.entry.level.entryName), .init("\(step.index)"),
        .init("\(HexadecimalNumber(step.entryAddress.rawValue))"),
        .init("\(HexadecimalNumber(step.entry.rawValue))"), .init(EntryText.words(step.entry, pat)),
      ])
    }
    return "\(styler("\(HexadecimalNumber(walk.linearAddress))", .bold))\n"
      + table.rendered(styler: styler) + "  \(end)\n" + typeLine
  }

  /// Which bits of the leaf choose the memory type, and which one they choose.
  ///
  /// Source: Intel SDM volume 3A, section 5.9.2.
  private var typeLine: String {
    guard let leaf = walk.translation?.leaf else { return "" }
    let index = leaf.patIndex
    let bit = leaf.level == .pageTable ? 7 : 12
    var text =
      "  memory type \(pat.type(at: index)?.abbreviation ?? "reserved"): PAT \(leaf.patBit), PCD "
      + "\(leaf.isCacheDisabled ? 1 : 0), PWT \(leaf.isWriteThrough ? 1 : 0) choose entry \(index) "
      + "of IA32_PAT"
    if leaf.level != .pageTable && leaf.patBit != 0 {
      text += "; bit \(bit) is PAT here and no part of the address"
    }
    return text + "\n"
  }

  /// How the walk ended.
  var end: String {
    switch walk.end {
    case .page(let page):
      "physical \(HexadecimalNumber(page.physicalAddress.rawValue)) in a page of "
        + "\(page.pageSize.label), over all levels "
        + (page.isWritable ? "writable, " : "read-only, ")
        + (page.isUser ? "user, " : "supervisor, ")
        + (page.isNoExecute ? "not executable" : "executable")
    case .notPresent(let level): "the \(level.entryName) is not present"
    case .reservedBits(let level, let bits):
      "the \(level.entryName) has reserved bits set: \(HexadecimalNumber(bits))"
    case .tableOutsideMemory(let level, let address):
      "the \(level.entryName) would be at \(HexadecimalNumber(address.rawValue)), where the image has"
        + " no memory"
    case .notCanonical: "the address is not canonical"
    }
  }

  /// The stable name of the end.
  var endName: String {
    switch walk.end {
    case .page: "page"
    case .notPresent: "not-present"
    case .reservedBits: "reserved-bits"
    case .tableOutsideMemory: "table-outside-memory"
    case .notCanonical: "not-canonical"
    }
  }

  /// The members of the walk in an object that is open.
  func write(to json: inout JSONWriter<ReportDestination>) {
    json.member("linear", hexadecimal: walk.linearAddress)
    json.member("end", endName)
    if let page = walk.translation {
      json.member("physical", hexadecimal: page.physicalAddress.rawValue)
      json.member("page", page.pageSize.label)
      let leaf = page.leaf
      json.member("pat-index", Int(leaf.patIndex))
      json.member("memory-type", pat.type(at: leaf.patIndex)?.abbreviation ?? "reserved")
      json.member("writable", page.isWritable)
      json.member("user", page.isUser)
      json.member("executable", !page.isNoExecute)
    }
    json.key("steps")
    json.beginArray()
    for step in walk.steps {
      json.beginObject()
      json.member("level", Int(step.level.rawValue))
      json.member("entry", step.level.entryName)
      json.member("index", step.index)
      json.member("address", hexadecimal: step.entryAddress.rawValue)
      json.member("value", hexadecimal: step.entry.rawValue)
      json.member("bits", EntryText.words(step.entry, pat))
      json.endObject()
    }
    json.endArray()
  }
}

/// The bits of an entry in words.
enum EntryText {
  /// Such as `P W - A D, page 0x1000, WB, XD`; what an entry leads to depends on its level.
  static func words(_ entry: PageTableEntry, _ pat: PATArgument) -> String {
    guard entry.isPresent else { return entry.rawValue == 0 ? "0" : "not present" }
    var flags = ["P", entry.isWritable ? "R/W" : "-", entry.isUserAccessible ? "U/S" : "-"]
    if entry.isWriteThrough { flags.append("PWT") }
    if entry.isCacheDisabled { flags.append("PCD") }
    if entry.isAccessed { flags.append("A") }
    if entry.isLeaf && entry.isDirty { flags.append("D") }
    if entry.isLargePage { flags.append("PS") }
    if entry.isLeaf && entry.patBit != 0 { flags.append("PAT") }
    if entry.isGlobal { flags.append("G") }
    if entry.isNoExecute { flags.append("XD") }
    var text = flags.joined(separator: " ")
    if entry.isLeaf {
      text += ", page \(HexadecimalNumber(entry.pageAddress.rawValue))"
      text += ", \(pat.type(at: entry.patIndex)?.abbreviation ?? "reserved memory type")"
      if entry.protectionKey != 0 { text += ", key \(entry.protectionKey)" }
    } else {
      text += ", table \(HexadecimalNumber(entry.tableAddress.rawValue))"
    }
    if entry.softwareBits != 0 {
      text += ", software \(HexadecimalNumber(UInt64(entry.softwareBits)))"
    }
    return text
  }
}
