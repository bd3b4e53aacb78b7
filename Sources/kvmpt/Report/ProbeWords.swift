// ProbeWords: the answers about a probe in words, the same in every format.

import GuestMem
import MMU
import Probe

extension ProbeManner {
  /// Such as `write at CPL 3`.
  var words: String { "\(kind.label) at CPL \(privilege.rawValue)" }
}

extension ProbeVerdict {
  /// The address that was asked about, and the one that answered for it where that is another.
  var addressWords: String {
    let asked = "\(HexadecimalNumber(askedAddress))"
    return askedAddress == address
      ? asked : "\(asked) (probed at \(HexadecimalNumber(address)))"
  }
}

extension AskedAnswer {
  /// What was asked for.
  var words: String {
    switch self {
    case .allowed(let page): "success at physical \(HexadecimalNumber(page))"
    case .forbidden: "a fault, the page being mapped"
    case .absent: "a fault, nothing being mapped"
    case .expected(let outcome): outcome.words
    case .allowedByLeaf(nil): "success, if the entries above the leaf allow it"
    case .allowedByLeaf(let page?):
      "success at physical \(HexadecimalNumber(page)), if the entries above the leaf allow it"
    case .unsaid: "nothing"
    }
  }
}

extension Expectation {
  /// Where it was probed, if that is another byte of the page than it asks about.
  func probedWords(_ tally: SubjectTally) -> String? {
    guard let address = tally.probedAddress, address != linearAddress else { return nil }
    return "probed at \(HexadecimalNumber(address))"
  }
}

extension ExpectedOutcome {
  /// What is expected.
  var words: String {
    switch self {
    case .success(nil): "success"
    case .success(let address?): "success at physical \(HexadecimalNumber(address.rawValue))"
    case .fault(nil): "a fault"
    case .fault(let errorCode?): "#PF, error code \(PageFaultErrorCode(rawValue: errorCode).words)"
    }
  }
}

extension AddressSpace {
  /// How much memory there is, such as `4 GiB of memory in 3 ranges`.
  var memoryWords: String {
    let size = "\(ByteCount(memoryByteCount)) of memory"
    if memory.count > 1 { return "\(size) in \(memory.count) ranges" }
    guard let base = memory.first?.base, base > 0 else { return size }
    return "\(size) from \(HexadecimalNumber(base)) on"
  }
}

extension RecursiveSlot {
  /// Such as `recursive slot 510`.
  var words: String { "recursive slot \(index)" }
}

extension ProbeSubject {
  /// What the probe is about, with the names that the address space gives.
  ///
  /// `kinds` are those of an image's report.
  func words(in space: AddressSpace, kinds: [PageKind] = []) -> String {
    switch self {
    case .kind(let index): kinds.indices.contains(index) ? kinds[index].words : "a page"

    case .mapping(let index): "mapping \(quoted(space.mappings[index].name))"
    case .gap(let index):
      space.mappings.indices.contains(index)
        ? "unmapped, near \(quoted(space.mappings[index].name))" : "unmapped"
    case .recursiveSlot: space.recursiveSlot?.words ?? "recursive slot"
    case .unasked: "present, and not asked for"
    case .expectation(let index): "expectation \(index + 1)"
    }
  }
}

extension PageKind {
  /// Such as `4KiB, rw-|---`.
  var words: String {
    guard let pageSize else { return "links to shared tables" }
    return "\(pageSize.label), \(rights)" + (hasMemory ? "" : ", no memory there")
  }

  /// The rights by the model, at CPL 0 and CPL 3.
  var rights: String { "\(supervisor)|\(user)" }
}

extension DisagreeingPairs {
  /// Which answers differ from which.
  var words: String {
    switch self {
    case [.askedModelled, .askedExecuted]: "the tables are not what was asked for"
    case [.askedModelled]: "by the model, the tables are not what was asked for"
    case [.askedExecuted, .modelledExecuted], [.modelledExecuted]:
      "the machine does not do what the manual says"
    case [.askedExecuted]: "the machine does not do what was asked for"
    default: "asked, modelled and executed all differ"
    }
  }
}
