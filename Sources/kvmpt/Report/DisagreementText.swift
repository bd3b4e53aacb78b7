// DisagreementText: one disagreement in full, for people.

import MMU
import Probe

/// A disagreement as lines of text.
struct DisagreementText {
  private let disagreement: Disagreement
  private let space: AddressSpace
  private let kinds: [PageKind]
  private let namesMachine: Bool

  /// `namesMachine` is true where more than one machine answered.
  init(
    _ disagreement: Disagreement, in space: AddressSpace, kinds: [PageKind] = [],
    namesMachine: Bool = false
  ) {
    self.namesMachine = namesMachine
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
    return mapping.map { ", expected as \(quoted($0.name))" } ?? ""
  }

  var text: String {
    let verdict = disagreement.verdict
    var lines = [
      "\(verdict.addressWords): \(verdict.manner.words),"
        + " \(verdict.page.subject.words(in: space, kinds: kinds))\(expected):"
        + " \(verdict.disagreements.words)",
      "    asked     \(verdict.asked.words)", "    modelled  \(verdict.modelled.words)",
      "    executed  \(verdict.executed.words)\(verdict.onMachine(namesMachine))",
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

extension ProbeVerdict {
  /// The machine in a few words, where it has to be named.
  func onMachine(_ isNamed: Bool) -> String {
    guard isNamed, let machine else { return "" }
    return ", on \(machine)"
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

  private let machine: String

  /// `namesMachine` is true where more than one machine answered.
  init(_ disagreement: FlagDisagreement, namesMachine: Bool = false) {
    self.disagreement = disagreement
    machine = namesMachine ? disagreement.machine.map { ", on \($0)" } ?? "" : ""
  }

  var text: String {
    let entry = disagreement.level?.entryName ?? "entry"
    return
      "the \(entry) at 0x\(String(disagreement.entryAddress, radix: 16)):"
      + " \(disagreement.message)\(machine)\n"
  }
}
