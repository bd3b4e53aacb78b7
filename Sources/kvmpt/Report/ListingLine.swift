// ListingLine: one item of a listing as a line of text, of JSON, or of QEMU's `info tlb`.

import GuestMem
import Inspection
import MMU
import Probe

/// Writes the items of a listing, each on a line of its own.
struct ListingLine {
  /// The modes of CPL 0 and CPL 3 that rights are shown for.
  let supervisor: CPUMode
  let user: CPUMode
  let pat: PATArgument

  init(_ image: borrowing OpenedImage) {
    supervisor = image.mode(at: .supervisor)
    user = image.mode(at: .user)
    pat = image.pat
  }

  /// The titles of the text's columns.
  static let titles =
    "first address      last address       physical           pages         rights  type flags\n"

  func writeText(_ item: ListedItem, to line: inout LineBuffer) {
    switch item {
    case .run(let run): writeText(run, to: &line)
    case .repetition(let first, let byteCount, let original, let unit):
      line.append(hexadecimal: first, width: 16)
      line.append(" ")
      line.append(hexadecimal: first &+ (byteCount &- 1), width: 16)
      line.append(" repeats the ")
      line.append(text: "\(ByteCount(unit))")
      line.append(" from ")
      line.append(hexadecimal: original, width: 16)
      line.append(" on (shared tables)\n")
    case .deadEnd(let end):
      line.append(hexadecimal: end.linearAddress, width: 16)
      line.append(" ")
      line.append(hexadecimal: end.lastAddress, width: 16)
      line.append(" ")
      line.append(text: DeadEndText.words(end))
      line.append("\n")
    }
  }

  private func writeText(_ run: MappedRun, to line: inout LineBuffer) {
    line.append(hexadecimal: run.linearAddress, width: 16)
    line.append(" ")
    line.append(hexadecimal: run.lastAddress, width: 16)
    line.append(" ")
    line.append(hexadecimal: run.physicalAddress.rawValue, width: 16)
    line.append(decimal: run.pageCount, width: 7)
    line.append(" x ")
    line.append(sizeName(run.pageSize))
    line.append(" ")
    append(run.effectiveRights(mode: supervisor), to: &line)
    line.append("|")
    append(run.effectiveRights(mode: user), to: &line)
    line.append(" ")
    line.append(typeName(pat.type(at: run.leaf.patIndex)))
    line.append(run.leaf.isGlobal ? " G" : " -")
    appendFlag(0x41, run.accessedCount, of: run, to: &line)
    appendFlag(0x44, run.dirtyCount, of: run, to: &line)
    if run.leaf.protectionKey != 0 {
      line.append(" key ")
      line.append(decimal: UInt64(run.leaf.protectionKey))
    }
    if run.isRestrictedByParent { writeRestrictions(of: run, to: &line) }
    line.append("\n")
  }

  /// What the leaf alone would allow, and which entry above it takes that away.
  private func writeRestrictions(of run: MappedRun, to line: inout LineBuffer) {
    line.append("  leaf ")
    line.append(run.leaf.isUserAccessible ? "u" : "s")
    line.append(run.leaf.isWritable ? "w" : "-")
    line.append(run.leaf.isNoExecute ? "-" : "x")
    for restriction in run.restrictions {
      line.append(", no ")
      line.append(text: restriction.right.rawValue)
      line.append(" by ")
      line.append(text: restriction.entry.level.entryName)
      line.append(" at ")
      line.append(hexadecimal: restriction.entry.address.rawValue)
    }
  }

  private func append(_ rights: EffectiveRights, to line: inout LineBuffer) {
    line.append(rights.contains(.read) ? "r" : "-")
    line.append(rights.contains(.write) ? "w" : "-")
    line.append(rights.contains(.fetch) ? "x" : "-")
  }

  /// The letter in upper case where all leaves have the flag, in lower case where some do.
  private func appendFlag(
    _ letter: UInt8, _ count: UInt64, of run: MappedRun, to line: inout LineBuffer
  ) {
    line.append(byte: count == 0 ? 0x2d : count == run.pageCount ? letter : letter | 0x20)
  }

  private func sizeName(_ size: PageSize) -> StaticString {
    switch size {
    case .size4KiB: "4KiB"
    case .size2MiB: "2MiB"
    case .size1GiB: "1GiB"
    }
  }

  private func typeName(_ type: MemoryType?) -> StaticString {
    switch type {
    case .writeBack: "WB "
    case .writeThrough: "WT "
    case .uncachedMinus: "UC-"
    case .uncacheable: "UC "
    case .writeCombining: "WC "
    case .writeProtected: "WP "
    case nil: "?? "
    }
  }

  func writeJSON(_ item: ListedItem, to line: inout LineBuffer) {
    switch item {
    case .run(let run): writeJSON(run, to: &line)
    case .repetition(let first, let byteCount, let original, let unit):
      line.append("{\"repeats\": \"")
      line.append(hexadecimal: original)
      line.append("\", \"unit\": \"")
      line.append(hexadecimal: unit)
      line.append("\", \"linear\": \"")
      line.append(hexadecimal: first)
      line.append("\", \"bytes\": \"")
      line.append(hexadecimal: byteCount)
      line.append("\"}")
    case .deadEnd(let end): DeadEndText.writeJSON(end, to: &line)
    }
  }

  private func writeJSON(_ run: MappedRun, to line: inout LineBuffer) {
    line.append("{\"linear\": \"")
    line.append(hexadecimal: run.linearAddress)
    line.append("\", \"bytes\": \"")
    line.append(hexadecimal: run.byteCount)
    line.append("\", \"physical\": \"")
    line.append(hexadecimal: run.physicalAddress.rawValue)
    line.append("\", \"page\": \"")
    line.append(sizeName(run.pageSize))
    line.append("\", \"pages\": ")
    line.append(decimal: run.pageCount)
    line.append(", \"rights\": {\"cpl0\": \"")
    append(run.effectiveRights(mode: supervisor), to: &line)
    line.append("\", \"cpl3\": \"")
    append(run.effectiveRights(mode: user), to: &line)
    line.append("\"}, \"leaf\": {\"writable\": ")
    line.append(run.leaf.isWritable ? "true" : "false")
    line.append(", \"user\": ")
    line.append(run.leaf.isUserAccessible ? "true" : "false")
    line.append(", \"no-execute\": ")
    line.append(run.leaf.isNoExecute ? "true" : "false")
    line.append("}, \"memory-type\": \"")
    line.append(text: pat.type(at: run.leaf.patIndex)?.abbreviation ?? "reserved")
    line.append("\", \"pat-index\": ")
    line.append(decimal: UInt64(run.leaf.patIndex))
    line.append(", \"global\": ")
    line.append(run.leaf.isGlobal ? "true" : "false")
    line.append(", \"accessed\": ")
    line.append(decimal: run.accessedCount)
    line.append(", \"dirty\": ")
    line.append(decimal: run.dirtyCount)
    line.append(", \"key\": ")
    line.append(decimal: UInt64(run.leaf.protectionKey))
    line.append(", \"restricted-by\": [")
    var separator: StaticString = ""
    if run.isRestrictedByParent {
      for restriction in run.restrictions {
        line.append(separator)
        separator = ", "
        line.append("{\"right\": \"")
        line.append(text: restriction.right.rawValue)
        line.append("\", \"level\": ")
        line.append(decimal: UInt64(restriction.entry.level.rawValue))
        line.append(", \"entry-address\": \"")
        line.append(hexadecimal: restriction.entry.address.rawValue)
        line.append("\"}")
      }
    }
    line.append("]}")
  }
}
