// DisagreementText: one disagreement in full, for people.

import MMU
import Probe

/// A disagreement as lines of text.
struct DisagreementText {
  private let disagreement: Disagreement
  private let space: AddressSpace
  private let kinds: [PageKind]

  init(_ disagreement: Disagreement, in space: AddressSpace, kinds: [PageKind] = []) {
    self.disagreement = disagreement
    self.space = space
    self.kinds = kinds
  }

  /// The mapping that somebody expects where an image has the page.
  private var expected: String {
    guard case .kind = disagreement.verdict.page.subject else { return "" }
    let address = disagreement.verdict.page.linearAddress
    let mapping = space.mappings.first {
      address >= $0.linearAddress.rawValue
        && address - $0.linearAddress.rawValue < $0.byteCount
    }
    return mapping.map { ", expected as '\($0.name)'" } ?? ""
  }

  var text: String {
    let verdict = disagreement.verdict
    var lines = [
      "\(verdict.addressWords): \(verdict.manner.words),"
        + " \(verdict.page.subject.words(in: space, kinds: kinds))\(expected):"
        + " \(verdict.disagreements.words)",
      "    asked     \(verdict.asked.words)", "    modelled  \(verdict.modelled.words)",
      "    executed  \(verdict.executed.words)",
    ]
    for step in disagreement.steps {
      let isBlamed = disagreement.blame?.step == step
      lines.append(
        "    \(isBlamed ? ">" : " ") \(step.entry.level.entryName) [\(step.index)] at"
          + " 0x\(String(step.entryAddress.rawValue, radix: 16)):"
          + " 0x\(String(step.entry.rawValue, radix: 16)) \(EntryBitsText.text(step.entry))")
    }
    if let blame = disagreement.blame {
      lines.append("    because   \(blame.sentence) (\(blame.rule.source))")
    }
    lines.append("    change    \(disagreement.advice)")
    return lines.joined(separator: "\n") + "\n"
  }
}

/// The bits of an entry by the manual's abbreviations.
enum EntryBitsText {
  static func text(_ entry: PageTableEntry) -> String {
    guard entry.isPresent else { return "not present" }
    var words = ["P", entry.isWritable ? "R/W" : "R/O", entry.isUserAccessible ? "U" : "S"]
    if entry.isAccessed { words.append("A") }
    if entry.isLeaf {
      if entry.isDirty { words.append("D") }
      if entry.level != .pageTable { words.append("PS") }
      if entry.isGlobal { words.append("G") }
    }
    if entry.isNoExecute { words.append("XD") }
    return words.joined(separator: " ")
  }
}

/// A disagreement about flags as lines of text.
struct FlagText {
  private let disagreement: FlagDisagreement

  init(_ disagreement: FlagDisagreement) { self.disagreement = disagreement }

  var text: String {
    let entry = disagreement.level?.entryName ?? "entry"
    return
      "the \(entry) at 0x\(String(disagreement.entryAddress, radix: 16)):"
      + " \(disagreement.message)\n"
  }
}
