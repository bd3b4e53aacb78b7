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

extension PageFaultErrorCode {
  /// The number and the names of its bits, such as `0x3 (P|W)`.
  var words: String { "0x\(String(rawValue, radix: 16)) (\(description))" }
}

extension AccessOutcome {
  /// What the model says.
  var words: String {
    switch self {
    case .success(let address):
      "success at physical \(HexadecimalNumber(address.rawValue & ~0xfff))"
    case .pageFault(let code): "#PF, error code \(code.words)"
    case .generalProtection: "#GP"
    case .stackFault: "#SS"
    }
  }
}

extension ProbeOutcome {
  /// What the machine did.
  var words: String {
    switch self {
    case .success(.page(let page)): "success at physical \(HexadecimalNumber(page))"
    case .success(.unknown(let value)):
      "success, but what was read is no page's mark: \(HexadecimalNumber(value))"
    case .success(.elsewhere): "success, but the physical page does not hold what was written"
    case .success(.notObserved): "success"
    case .pageFault(let code, let cr2):
      "#PF, error code \(PageFaultErrorCode(rawValue: code).words), CR2 \(HexadecimalNumber(cr2))"
    case .exception(let vector, let code):
      "\(Self.exceptionName(vector)), error code 0x\(String(code, radix: 16))"
    case .notRun(let reason): "not run: \(reason.message)"
    case .lost(let death): "no answer: \(death.message)"
    }
  }

  /// Source: Intel SDM volume 3A, table 7-1.
  private static func exceptionName(_ vector: UInt8) -> String {
    let names = [
      "#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "vector 9", "#TS", "#NP",
      "#SS", "#GP", "#PF", "vector 15", "#MF", "#AC", "#MC", "#XM", "#VE", "#CP",
    ]
    return Int(vector) < names.count ? names[Int(vector)] : "vector \(vector)"
  }
}

extension ProbeSubject {
  /// What the probe is about, with the names that the address space gives.
  ///
  /// `kinds` are those of an image's report.
  func words(in space: AddressSpace, kinds: [PageKind] = []) -> String {
    switch self {
    case .kind(let index): kinds.indices.contains(index) ? kinds[index].words : "a page"

    case .mapping(let index): "mapping '\(space.mappings[index].name)'"
    case .gap(let index):
      space.mappings.indices.contains(index)
        ? "unmapped, near '\(space.mappings[index].name)'" : "unmapped"
    case .expectation(let index): "expectation \(index + 1)"
    }
  }
}

extension PageKind {
  /// Such as `4KiB, rw-|---`.
  var words: String {
    guard let pageSize else { return "samples through shared tables" }
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
